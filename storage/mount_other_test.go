//go:build !linux

package storage

import "testing"

func mountOn(t *testing.T, _ string) (lock func()) {
	t.Helper()
	t.Skip("root may write everywhere, and file systems are mounted on Linux alone")
	return nil
}
