package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// childMemory answers a question twice, cold, and prints the most bytes beside mapped
// files that the process held.
func childMemory(ctx context.Context, o *options, dir string) (err error) {
	asked, err := o.asked()
	if err != nil {
		return err
	}
	us, err := openOurs(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, us.close()) }()
	done, most := make(chan struct{}), make(chan int64)
	go watch(done, most)
	for range 2 {
		if _, _, askErr := us.ask(ctx, &asked[0].Query); askErr != nil {
			err = errors.Join(err, askErr)
		}
	}
	close(done)
	fmt.Println(<-most)
	return err
}

// watch looks at this process's memory each millisecond.
func watch(done <-chan struct{}, result chan<- int64) {
	most := anonymous()
	for {
		select {
		case <-done:
			result <- max(most, anonymous())
			return
		case <-time.After(time.Millisecond):
			most = max(most, anonymous())
		}
	}
}

// anonymous is the memory of this process that no file stands behind, in bytes; 0 where
// the system does not tell.
func anonymous() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // it was only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
