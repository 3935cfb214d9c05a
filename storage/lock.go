package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farmtally/farmtally"
)

// Lock is an advisory lock on a file, held until Release or the end of the process.
type Lock struct{ f *os.File }

// lockFile takes the lock on a file of the data folder, creating it. It fails with
// Unavailable, and the text that the holder wrote into it, where it is held.
func lockFile(path, text string) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		if err := lockNow(f); err != nil {
			holder, _ := io.ReadAll(io.LimitReader(f, 200)) // a hint at best
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, held(path, string(holder))
			}
			return nil, err
		}
		if !isStill(f, path) {
			_ = f.Close() // its holder removed it meanwhile
			continue
		}
		if err := f.Truncate(0); err == nil {
			_, _ = f.WriteAt([]byte(text), 0) // a hint at best
		}
		return &Lock{f}, nil
	}
}

// lockFolder takes the lock on a folder, as soon as it can be had.
func lockFolder(ctx context.Context, path string) (*Lock, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	for deadline := time.Now().Add(busyTimeout); ; {
		err := lockNow(f)
		if err == nil {
			return &Lock{f}, nil
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			if time.Now().After(deadline) {
				err = held(path, "")
			} else if err = pause(ctx, retryEvery); err == nil {
				continue
			}
		}
		_ = f.Close() // the first error counts
		return nil, err
	}
}

func held(path, holder string) error {
	if holder == "" {
		holder = "another process"
	}
	return farmtally.Errorf(farmtally.Unavailable, "%s is held by %s", filepath.Base(path), holder)
}

func lockNow(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}

// isStill reports whether the path still names the open file.
func isStill(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// Release lets go of the lock and removes its file where remove is set.
func (l *Lock) Release(remove bool) {
	if remove {
		_ = os.Remove(l.f.Name()) // a stray lock file harms nobody
	}
	_ = l.f.Close()
}
