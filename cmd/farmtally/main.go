// Command farmtally says what a render farm's sessions used and what they cost. It
// imports accounting logs, serves AWS Deadline Cloud's statistics API over them, and
// asks it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set by the Makefile; a build without it says what Go knows.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	p := &program{
		args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		env: os.LookupEnv, now: time.Now,
	}
	os.Exit(p.run(ctx))
}
