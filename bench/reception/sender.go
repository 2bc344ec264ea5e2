package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// sender is an unmodified program that stores files over one association.
type sender struct {
	name string
	env  []string
	args func(title string, port int) []string // what stands before the files
}

func storescu() sender {
	return sender{name: "storescu", args: func(title string, port int) []string {
		return []string{"storescu", "-aec", title, "127.0.0.1", fmt.Sprint(port)}
	}}
}

func dcmsend() sender {
	return sender{name: "dcmsend", args: func(title string, port int) []string {
		return []string{"dcmsend", "-aec", title, "127.0.0.1", fmt.Sprint(port)}
	}}
}

// nodelay is a sender of DCMTK that turns Nagle's algorithm off, by the variable that DCMTK reads.
func nodelay(s sender) sender {
	s.name += ", no-delay"
	s.env = append(s.env, "TCP_NODELAY=1")
	return s
}

// send stores the files; an answer other than success is an error.
func (s sender) send(ctx context.Context, title string, port int, files []string) error {
	args := append(s.args(title, port), files...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), s.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.1000s", s.name, err, out)
	}
	return nil
}
