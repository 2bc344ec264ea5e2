package main

import (
	"context"
	"os"
)

// attend reloads the configuration as often as it is asked to, from when the node is ready until it has ended.
func (s *service) attend(ctx, ended context.Context, hangUps <-chan os.Signal) {
	for {
		select {
		case <-ended.Done():
			return
		case <-hangUps:
			if ctx.Err() == nil {
				s.reload(ctx)
			}
		}
	}
}
