package guard

import (
	"runtime"
	"sync"
)

// Each calls work for 0..n-1 on all processors and waits. A panic of work comes out here, where the caller can recover it.
func Each(n int, work func(int)) {
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				if err := Call(func() error { work(i); return nil }); err != nil {
					once.Do(func() { failed = err })
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	if failed != nil {
		panic(failed)
	}
}
