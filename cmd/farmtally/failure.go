package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally"
)

// misuse is a mistake in the command line; try says what to do instead.
type misuse struct{ message, try string }

func (m *misuse) Error() string { return m.message }

func misusef(try, format string, args ...any) error {
	return &misuse{fmt.Sprintf(format, args...), try}
}

// helpOf names the help of a command.
func helpOf(cmd *cobra.Command) string { return fmt.Sprintf("try '%s --help'", cmd.CommandPath()) }

// errReported ends a command that has said already what went wrong.
var errReported = errors.New("reported")

// interruption ends a command that an interrupt ended; what says what is left.
type interruption struct{ what string }

func (i *interruption) Error() string { return "interrupted; " + i.what }

// explain prints an error for the user and gives the exit code.
func (p *program) explain(ctx context.Context, err error) int {
	if m, ok := errors.AsType[*misuse](err); ok {
		fmt.Fprintf(p.stderr, "farmtally: %s\n%s\n", m.message, m.try)
		return exitMisuse
	}
	if errors.Is(err, errReported) {
		return exitFailed
	}
	if i, ok := errors.AsType[*interruption](err); ok {
		fmt.Fprintf(p.stderr, "farmtally: %s\n", i)
		return exitFailed
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(p.stderr, "farmtally: interrupted")
		return exitFailed
	}
	e, ok := errors.AsType[*farmtally.Error](err)
	if !ok {
		fmt.Fprintf(p.stderr, "farmtally: %s\n", err)
		return exitFailed
	}
	fmt.Fprintf(p.stderr, "farmtally: %s\n", sentence(e))
	for _, f := range e.Fields {
		fmt.Fprintf(p.stderr, "  %s: %s\n", f.Name, f.Message)
	}
	if e.Hint != "" {
		fmt.Fprintln(p.stderr, e.Hint)
	}
	return exitFailed
}

func sentence(e *farmtally.Error) string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}
