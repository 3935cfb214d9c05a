package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func writeWhole(path string) error {
	return wholeFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	})
}

// TestWholeFileLeavesWhatIsNoFile: a pipe is written to, a link stays one, and a folder
// is refused.
func TestWholeFileLeavesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link, target := filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		text, _ := os.ReadFile(pipe)
		read <- string(text)
	}()
	if err := writeWhole(pipe); err != nil || <-read != "whole" {
		t.Errorf("pipe: %v", err)
	}
	if about, err := os.Stat(pipe); err != nil || about.Mode().Type() != os.ModeNamedPipe {
		t.Errorf("the pipe is %v, %v", about, err)
	}
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(link); err != nil {
		t.Error(err)
	}
	if to, err := os.Readlink(link); err != nil || to != target {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "whole" {
		t.Errorf("the target has %q, %v", text, err)
	}
	for path, want := range map[string]string{
		dir:                                 " is a folder, not a file to write",
		filepath.Join(dir, "none", "x.csv"): "there is no folder " + filepath.Join(dir, "none") + " to write x.csv in",
	} {
		if err := writeWhole(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// fullDisk is a file on a disk that is full.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: ".usage.csv.123", Err: syscall.ENOSPC}
}

// A full disk is told as such, of the file that the user has named, whatever the form's
// writer makes of it.
func TestAFullDiskIsToldAsSuch(t *testing.T) {
	err := writeAs("usage.csv", fullDisk{}, func(w io.Writer) error {
		_, err := w.Write([]byte("x"))
		return fmt.Errorf("unknown error type: %v", err) //nolint:errorlint // as some writers do
	})
	if err == nil || err.Error() != "write usage.csv: no space left on device" {
		t.Errorf("got %v", err)
	}
}
