package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// server is a process of 'farmtally serve' on loopback, and a key for it.
type server struct {
	process *exec.Cmd
	address string // host:port
	key     aws.Credentials
	signer  *v4.Signer
}

// serve starts a server on the folder for do, and ends it.
func (b *bench) serve(ctx context.Context, dir string, do func(*server) error) (err error) {
	made, err := b.farmtally(ctx, "keys", "create", "--data", dir, "--name", "bench", "--output", "json")
	if err != nil {
		return err
	}
	var key struct{ AccessKeyID, SecretAccessKey string }
	if err := json.Unmarshal(made, &key); err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	s := &server{
		process: b.command(ctx, "serve", "--data", dir, "--listen", "127.0.0.1:0"), signer: v4.NewSigner(),
		key: aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey},
	}
	var log bytes.Buffer
	s.process.Stderr = &log
	out, err := s.process.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	defer func() {
		_ = s.process.Process.Signal(os.Interrupt) // one that has ended gets none
		if stopped := s.process.Wait(); stopped != nil || err != nil {
			err = errors.Join(ctx.Err(), err, stopped)
			if ctx.Err() == nil {
				err = errors.Join(err, fmt.Errorf("the server's log: %s", log.String()))
			}
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("wait for server: %w", err)
	}
	_, s.address, _ = strings.Cut(strings.TrimSpace(line), "http://")
	return do(s)
}

// request gives the bytes of a signed request. They are good for five minutes.
func (s *server) request(ctx context.Context, method, target string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+target, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := s.signer.SignHTTP(ctx, s.key, r, hex.EncodeToString(sum[:]), "deadline", "us-east-1", time.Now()); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return nil, fmt.Errorf("write request: %w", err)
	}
	return wire.Bytes(), nil
}

// connection sends requests that are bytes already, one after the other.
type connection struct {
	net.Conn
	in   *bufio.Reader
	body bytes.Buffer
}

func dial(ctx context.Context, address string) (*connection, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reach server: %w", err)
	}
	return &connection{Conn: c, in: bufio.NewReaderSize(c, 64<<10)}, nil
}

// exchange sends a request and gives the answer's body, which is good until the next.
func (c *connection) exchange(wire []byte) ([]byte, error) {
	if _, err := c.Write(wire); err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	c.body.Reset()
	if _, err := c.body.ReadFrom(answer.Body); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if err := answer.Body.Close(); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s: %s", answer.Status, c.body.Bytes())
	}
	return c.body.Bytes(), nil
}

// ask signs, sends and reads on one connection.
func (s *server) ask(ctx context.Context, c *connection, method, target string, body []byte) ([]byte, error) {
	wire, err := s.request(ctx, method, target, body)
	if err != nil {
		return nil, err
	}
	return c.exchange(wire)
}

// cpu is the processor time that the server has used; 0 where the system does not tell.
func (s *server) cpu() (used time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	const userField, tick = 11, time.Second / 100 // counted from behind the name
	fields := strings.Fields(rest)
	for _, field := range fields[userField : userField+2] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		used += time.Duration(ticks) * tick
	}
	return used
}
