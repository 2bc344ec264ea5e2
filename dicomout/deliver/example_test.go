package deliver_test

import (
	"fmt"
	"time"

	"jcsnode/dicomout/deliver"
	"jcsnode/dimse"
)

// What the peer answers decides whether and when the object goes again.
func ExampleClassifyStatus() {
	verdict := deliver.ClassifyStatus(dimse.StatusOutOfResources, "disk full")
	fmt.Println(verdict.Result, verdict.Retry)
	fmt.Println(verdict.Text)

	passing := deliver.Policy{Base: 30 * time.Second, Cap: 30 * time.Minute, Factor: 2}
	delay, again := verdict.Retry.Policy(passing).Next(1, 0, func() float64 { return 0 })
	fmt.Println(delay, again)
	_, again = verdict.Retry.Policy(passing).Next(40, 5*24*time.Hour, func() float64 { return 0 })
	fmt.Println(again)
	// Output:
	// temporary slow
	// peer cannot store now, A700H (out of resources) and said "disk full"
	// 5m0s true
	// false
}
