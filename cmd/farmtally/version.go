package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/farmtally/farmtally/storage"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the program's version, and that of its data folders",
		Example: `  $ farmtally version
  farmtally v0.1.0 (go1.26.0, linux/amd64), data folder format 1`,
		Args: arguments(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.stdout, "farmtally %s (%s, %s/%s), data folder format %d\n",
				programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, storage.FormatVersion)
			return err
		},
	}
}

// programVersion is what the build was given, else the module's version.
func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unversioned"
}
