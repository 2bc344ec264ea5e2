package cluster_test

import (
	"context"
	"fmt"

	"jcsnode/cluster"
)

// A node alone has every lock at once; with PostgreSQL it would come from Join and be used in the same way.
func ExampleAlone() {
	life := cluster.NewAlone("ct-node")
	err := life.Hold(context.Background(), "deliver pacs", func(ctx context.Context) error {
		for n := 1; n <= 2 && ctx.Err() == nil; n++ {
			if err := life.Fenced(); err != nil { // before each object
				return err
			}
			fmt.Println("object", n, "goes out")
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// object 1 goes out
	// object 2 goes out
	// <nil>
}
