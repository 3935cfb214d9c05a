package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestBinaryIsStatic builds the program as the Makefile does and looks for anything
// that it would need of the machine that it runs on.
func TestBinaryIsStatic(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	path := filepath.Join(t.TempDir(), "farmtally")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=v1.2.3-test", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), path, "version").Output()
	if want := "farmtally v1.2.3-test (" + runtime.Version() + ", "; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("version prints %q, %v; want %s…", out, err, want)
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	needed, err := f.ImportedLibraries()
	if err != nil || len(needed) != 0 {
		t.Errorf("the program needs %v (%v)", needed, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic linker")
		}
	}
}
