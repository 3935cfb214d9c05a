package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// program is one run of the command line, and all that it reads and writes: a test
// starts the true program with its own.
type program struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(name string) (string, bool)
	now            func() time.Time

	data       string // the data folder: --data
	cacheBytes int64  // what keeps answers of segments; 0 is the engine's own number
}

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// run parses the arguments, runs the command and gives the exit code. Whatever the
// command opened is closed on return. The end of ctx interrupts it.
func (p *program) run(ctx context.Context) int {
	root := p.root()
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	return p.explain(ctx, err)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "farmtally",
		Short: "what a render farm's sessions used and cost, by whom, over time",
		Long: `farmtally says what a render farm's sessions used and cost, by whom, over time.

It imports accounting logs, prices them with a rate card, and serves the figures over
AWS Deadline Cloud's statistics API, to boto3, the AWS CLI and every AWS SDK.

A flag can also be set in the environment: --data as FARMTALLY_DATA, and so on.`,
		Example: `  farmtally rates set card.toml
  farmtally import sacct accounting.log
  farmtally serve --no-auth &
  farmtally stats --from -30d --period weekly --group-by user`,
		SilenceErrors: true, SilenceUsage: true,
		Args:              p.noSuchCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.setUp(cmd) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misusef(helpOf(cmd), "%s", err)
	})
	root.AddCommand(p.serveCommand(), p.importCommand(), p.exportCommand(), p.pushCommand(), p.statsCommand(), p.ratesCommand(),
		p.keysCommand(), p.lsCommand(), p.checkCommand(), p.compactCommand(), p.generateCommand(), p.demoCommand(),
		p.versionCommand())
	return root
}

// noSuchCommand refuses the arguments of a command that has subcommands.
func (p *program) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	try := helpOf(cmd)
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	if names := cmd.SuggestionsFor(args[0]); len(names) > 0 {
		try = fmt.Sprintf("did you mean %q?", cmd.CommandPath()+" "+names[0])
	}
	return misusef(try, "there is no command %q", cmd.CommandPath()+" "+args[0])
}

// group makes a command that only holds others.
func (p *program) group(use, short, example string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: p.noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return misusef(helpOf(cmd), "%q needs a command", cmd.CommandPath())
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

// arguments checks the number of arguments; what names them for the user. most < 0
// is no limit.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return misusef(helpOf(cmd), "%q needs %s", cmd.CommandPath(), what)
		case most == 0 && len(args) > 0:
			return misusef(helpOf(cmd), "%q takes no arguments, and %q is one", cmd.CommandPath(), args[0])
		case most > 0 && len(args) > most:
			return misusef(helpOf(cmd), "%q takes %s, and there are %d arguments", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}

// dataFlag gives the command the flag --data, which setUp reads.
func dataFlag(cmd *cobra.Command) {
	cmd.Flags().String(dataName, "farmtally-data", "the data `folder`")
}

// dataName is the flag of the data folder. Its default is the command's own, so that no
// two of them share a variable for it.
const dataName = "data"

// setUp reads what every command has in common.
func (p *program) setUp(cmd *cobra.Command) error {
	if err := p.fromEnvironment(cmd); err != nil {
		return err
	}
	if f := cmd.Flags().Lookup(dataName); f != nil {
		p.data = f.Value.String()
	}
	return nil
}

// outputFlag gives the command the flag --output with the formats, the first of them
// by default.
func outputFlag(cmd *cobra.Command, to *string, formats ...string) {
	*to = formats[0]
	cmd.Flags().Var(&choice{to, formats}, "output", "the form of the output: "+strings.Join(formats, ", "))
}

// choice is a flag's value that is one of a few words.
type choice struct {
	to      *string
	allowed []string
}

// String is the value's text, for pflag.
func (c *choice) String() string { return *c.to }

// Type is the name of the value in a usage line, for pflag.
func (c *choice) Type() string { return "format" }

// Set takes one of the allowed words, for pflag.
func (c *choice) Set(s string) error {
	for _, a := range c.allowed {
		if s == a {
			*c.to = s
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
}

// fromEnvironment sets the flags that the command line left out and the environment
// names.
func (p *program) fromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "FARMTALLY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, set := p.env(name)
		if err != nil || f.Changed || !set || f.Name == "help" {
			return
		}
		if bad := cmd.Flags().Set(f.Name, value); bad != nil {
			err = misusef(helpOf(cmd), "the environment variable %s is %q: %s", name, value, bad)
		}
	})
	return err
}
