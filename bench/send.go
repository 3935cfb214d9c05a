package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Requests are sent by processes of their own, each over some connections, from files of
// whole requests, so that making and signing them costs nothing while the time runs.

const (
	senders     = 2
	connections = 4 // of each
)

// errand is what a sender is to do.
type errand struct {
	file     string // of its requests
	address  string // of the server
	expected string // a text that every answer has in it
}

// The words of a sender, and the one that it waits for.
const (
	wordReady = "ready"
	wordGo    = "go"
	wordDone  = "done"
)

// sendAll sends requests from the senders at once, and gives how long it took until all
// were answered by something that has the expected text in it.
func sendAll(ctx context.Context, dir string, s *server, requests [][]byte, expected string) (_ time.Duration, err error) {
	var all []*talker
	defer func() {
		for _, t := range all {
			if ended := t.end(ctx); ended != nil {
				err = errors.Join(err, fmt.Errorf("send requests: %w", ended))
			}
		}
	}()
	for n := range senders {
		e := errand{filepath.Join(dir, fmt.Sprintf("requests-%d", n)), s.address, expected}
		if err := writeRequests(e.file, requests, n); err != nil {
			return 0, err
		}
		t, err := startSender(ctx, e)
		if err != nil {
			return 0, err
		}
		all = append(all, t)
	}
	if err := hear(ctx, all, wordReady); err != nil {
		return 0, err
	}
	begun := time.Now()
	for _, t := range all {
		if _, err := io.WriteString(t.in, wordGo+"\n"); err != nil {
			return 0, fmt.Errorf("tell sender: %w", err)
		}
	}
	err = hear(ctx, all, wordDone)
	return time.Since(begun), err
}

func startSender(ctx context.Context, e errand) (*talker, error) {
	p, err := childCommand(ctx, "send", e.file, e.address, e.expected)
	if err != nil {
		return nil, err
	}
	t, err := talkTo(p)
	if err != nil {
		return nil, fmt.Errorf("start sender: %w", err)
	}
	return &t, nil
}

// hear waits until all senders have said the word.
func hear(ctx context.Context, all []*talker, word string) error {
	for _, t := range all {
		line, err := t.out.ReadString('\n')
		if said := strings.TrimSpace(line); said != word {
			return errors.Join(ctx.Err(), err, fmt.Errorf("a sender says %q where it was to say %s", said, word))
		}
	}
	return nil
}

// writeRequests writes each senders-th request, behind its length.
func writeRequests(file string, requests [][]byte, from int) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write requests: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for i := from; i < len(requests) && err == nil; i += senders {
		if _, err = w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(requests[i])))); err == nil { //nolint:gosec // far from 4 GiB
			_, err = w.Write(requests[i])
		}
	}
	return errors.Join(err, w.Flush(), f.Close())
}

// childSend is a sender's main.
func childSend(ctx context.Context, e errand) error {
	requests, err := readRequests(e.file)
	if err != nil {
		return err
	}
	var group errgroup.Group
	begin := make(chan struct{})
	var next atomic.Int64
	for range connections {
		c, err := dial(ctx, e.address)
		if err != nil {
			return err
		}
		defer c.Close() //nolint:errcheck // it ends with the process
		group.Go(func() error {
			<-begin
			return c.work(requests, &next, e.expected)
		})
	}
	fmt.Println(wordReady)
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the word: %w", err)
	}
	close(begin)
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Println(wordDone)
	return nil
}

// work sends the next request, until none is left.
func (c *connection) work(requests [][]byte, next *atomic.Int64, expected string) error {
	for at := int(next.Add(1)) - 1; at < len(requests); at = int(next.Add(1)) - 1 {
		answer, err := c.exchange(requests[at])
		if err != nil {
			return err
		}
		if !bytes.Contains(answer, []byte(expected)) {
			return fmt.Errorf("the server answers %q, without %s", answer, expected)
		}
	}
	return nil
}

func readRequests(file string) (list [][]byte, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	for len(data) > 0 {
		n := binary.LittleEndian.Uint32(data)
		list, data = append(list, data[4:4+n]), data[4+n:]
	}
	return list, nil
}
