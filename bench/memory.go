package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memoryOf answers the question in a process of its own and gives the most memory, in
// bytes, that it held beside mapped files.
func memoryOf(ctx context.Context, o *options, dir string, q *question) (int64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find program: %w", err)
	}
	p := exec.CommandContext(ctx, self, "--memory", q.name, "--keep", dir, "--records", strconv.FormatInt(o.records, 10)) //nolint:gosec // this program
	p.Stderr = os.Stderr
	out, err := p.Output()
	if err != nil {
		return 0, fmt.Errorf("measure memory: %w", err)
	}
	return strconv.ParseInt(string(bytes.TrimSpace(out)), 10, 64)
}

// answerOnce is the other process: it answers and prints the most bytes.
func answerOnce(ctx context.Context, o *options) (err error) {
	o.queries = []string{o.memory}
	asked, err := o.asked()
	if err != nil {
		return err
	}
	us, err := openOurs(ctx, filepath.Join(o.keep, "farmtally"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, us.close()) }()
	done, most := make(chan struct{}), make(chan int64)
	go watch(done, most)
	_, err = us.time(ctx, &asked[0], "")
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
