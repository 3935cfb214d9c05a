package storage

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/farmtally/farmtally"
)

// roles are what the test binary does as another process.
var roles = map[string]func(ctx context.Context, dir string) error{
	"open":  childOpen,
	"lock":  childLock,
	"batch": childBatch,
	"count": childCount,
	"full":  childFull,
}

func withCatalog(ctx context.Context, dir string, do func(*Catalog) error) error {
	c, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.Close())
}

// childOpen opens the folder when it is told to.
func childOpen(ctx context.Context, dir string) error {
	ready()
	return withCatalog(ctx, dir, func(c *Catalog) error {
		_, err := c.TokenSecret(ctx)
		return err
	})
}

// childLock is the folder's server.
func childLock(ctx context.Context, dir string) error {
	return withCatalog(ctx, dir, func(c *Catalog) error {
		lock, err := c.LockServer("127.0.0.1:1234")
		if err != nil {
			return err
		}
		ready()
		lock.Release(false)
		return nil
	})
}

// childBatch has a batch under way.
func childBatch(ctx context.Context, dir string) error {
	return withCatalog(ctx, dir, func(c *Catalog) error {
		b, _, err := writeBatch(c, 10)
		if err != nil {
			return err
		}
		ready()
		return b.Close(ctx)
	})
}

// counts is how often one process adds 1 to the shared record.
const counts = 40

func childCount(ctx context.Context, dir string) error {
	ready()
	return withCatalog(ctx, dir, func(c *Catalog) error { return addUp(ctx, c) })
}

// addUp adds 1 to the cost of one record, in transactions of their own.
func addUp(ctx context.Context, c *Catalog) error {
	last := farmtally.Money(0)
	for range counts {
		err := c.Write(ctx, func(tx *Tx) error {
			r := ended("counter", 7)
			found, ok, err := tx.FindHot(ctx, &r)
			if err != nil {
				return err
			}
			if ok {
				r = *found
			}
			if r.Cost < last {
				return fmt.Errorf("a count of %d after %d", r.Cost, last)
			}
			r.Cost++
			last = r.Cost
			return tx.PutHot(ctx, []farmtally.Record{r})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// childFull writes where no file may grow beyond 256 KiB, as on a disk that is full.
// It fails where something of that is left, or where it cannot write afterwards.
func childFull(ctx context.Context, dir string) error {
	return withCatalog(ctx, dir, func(c *Catalog) error {
		var before syscall.Rlimit
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			return err
		}
		low := before
		low.Cur = 256 << 10
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
			return err
		}
		b, _, err := writeBatch(c, 50_000)
		if !errors.Is(err, syscall.EFBIG) {
			return fmt.Errorf("a segment that has no room: %w", err)
		}
		if err := b.Close(ctx); err != nil {
			return err
		}
		var records []farmtally.Record
		for i := range 20_000 {
			records = append(records, ended(fmt.Sprint("hot", i), farmtally.Instant(i)))
		}
		if err := c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, records) }); err == nil {
			return errors.New("hot records that have no room were accepted")
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			return err
		}
		ready()
		return c.Write(ctx, func(tx *Tx) error { return tx.PutHot(ctx, records[:1]) })
	})
}
