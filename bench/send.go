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
	"strconv"
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

// sendAll sends requests from the senders at once, and gives how long it took until all
// were answered by something that has the expected text in it.
func sendAll(ctx context.Context, dir string, s *server, requests [][]byte, expected string) (_ time.Duration, err error) {
	var children []*sender
	defer func() {
		for _, c := range children {
			err = errors.Join(err, c.wait(ctx))
		}
	}()
	for n := range senders {
		file := filepath.Join(dir, fmt.Sprintf("requests-%d", n))
		if err := writeRequests(file, requests, n); err != nil {
			return 0, err
		}
		c, err := startSender(ctx, file, s.address, expected)
		if err != nil {
			return 0, err
		}
		children = append(children, c)
	}
	for _, c := range children {
		if err := c.expect("ready"); err != nil {
			return 0, errors.Join(ctx.Err(), err)
		}
	}
	begun := time.Now()
	for _, c := range children {
		if _, err := io.WriteString(c.in, "go\n"); err != nil {
			return 0, fmt.Errorf("tell sender: %w", err)
		}
	}
	for _, c := range children {
		if err := c.expect("done"); err != nil {
			return 0, errors.Join(ctx.Err(), err)
		}
	}
	return time.Since(begun), nil
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

// sender is one of the processes.
type sender struct{ talker }

func startSender(ctx context.Context, file, address, expected string) (*sender, error) {
	p, err := childCommand(ctx, "send", file, address, strconv.Itoa(connections), expected)
	if err != nil {
		return nil, err
	}
	t, err := talkTo(p)
	if err != nil {
		return nil, fmt.Errorf("start sender: %w", err)
	}
	return &sender{t}, nil
}

func (s *sender) expect(word string) error {
	line, err := s.out.ReadString('\n')
	if err != nil || strings.TrimSpace(line) != word {
		return fmt.Errorf("a sender says %q where it was to be %s (%w)", line, word, err)
	}
	return nil
}

func (s *sender) wait(ctx context.Context) error {
	err := errors.Join(s.in.Close(), s.process.Wait())
	if err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("send requests: %w", err))
	}
	return nil
}

// childSend is a sender's main.
func childSend(ctx context.Context, args []string) error {
	requests, err := readRequests(args[0])
	if err != nil {
		return err
	}
	open, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	var group errgroup.Group
	begin := make(chan struct{})
	var next atomic.Int64
	for range open {
		c, err := dial(ctx, args[1])
		if err != nil {
			return err
		}
		defer c.Close() //nolint:errcheck // it ends with the process
		group.Go(func() error {
			<-begin
			for {
				at := int(next.Add(1)) - 1
				if at >= len(requests) {
					return nil
				}
				answer, err := c.exchange(requests[at])
				if err != nil {
					return err
				}
				if !bytes.Contains(answer, []byte(args[3])) {
					return fmt.Errorf("the server answers %q, without %s", answer, args[3])
				}
			}
		})
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the word: %w", err)
	}
	close(begin)
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Println("done")
	return nil
}

func readRequests(file string) (list [][]byte, err error) {
	data, err := os.ReadFile(file) //nolint:gosec // the run's
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	for len(data) > 0 {
		n := binary.LittleEndian.Uint32(data)
		list, data = append(list, data[4:4+n]), data[4+n:]
	}
	return list, nil
}
