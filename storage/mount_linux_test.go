package storage

import (
	"testing"

	"golang.org/x/sys/unix"
)

// mountOn mounts a small file system on a folder, for root, who may write everywhere else.
// It becomes read-only when the function is called.
func mountOn(t *testing.T, dir string) (lock func()) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("root may write everywhere, and no file system can be mounted: %v", err)
	}
	t.Cleanup(func() { try(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	return func() { try(t, unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "")) }
}
