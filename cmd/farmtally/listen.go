package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/farmtally/farmtally"
)

const defaultListen = "localhost:8787"

// tries bounds the search for a random port that is free on every address.
const tries = 20

// checkListen refuses an address that is no host and port.
func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--listen %s: not a host and a port such as %s", address, defaultListen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("--listen %s: the port must be a number from 0 to 65535", address)
	}
	return nil
}

// listeners are those of one address.
type listeners []net.Listener

// close closes those that no server has closed.
func (all listeners) close() {
	for _, l := range all {
		_ = l.Close() // it has served, or never will
	}
}

// listen opens the address; port 0 is a random one. The name localhost is both
// loopback addresses at one port, for clients differ in which they try first.
func listen(ctx context.Context, address string) (listeners, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	if !strings.EqualFold(host, "localhost") {
		l, err := listenOne(ctx, address)
		return listeners{l}, err
	}
	for try := 1; ; try++ {
		both, err := listenLoopback(ctx, port)
		if err == nil || port != "0" || try == tries {
			return both, err
		}
	}
}

func listenLoopback(ctx context.Context, port string) (listeners, error) {
	four, err := listenOne(ctx, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return nil, err
	}
	_, port, _ = net.SplitHostPort(four.Addr().String()) // a listener's address has a port
	six, err := listenOne(ctx, net.JoinHostPort("::1", port))
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
		return listeners{four}, nil // a machine without IPv6
	}
	if err != nil {
		return nil, errors.Join(err, four.Close())
	}
	return listeners{four, six}, nil
}

func listenOne(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &farmtally.Error{
			Kind: farmtally.Unavailable, Message: fmt.Sprintf("the address %s is in use by another program", address),
			Hint: "give another one with --listen; port 0 takes any free one",
		}
	case errors.Is(err, syscall.EACCES):
		return nil, &farmtally.Error{
			Kind: farmtally.Denied, Message: fmt.Sprintf("this user may not listen at %s", address),
			Hint: "give a port above 1023 with --listen",
		}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, &farmtally.Error{
			Kind: farmtally.Invalid, Message: fmt.Sprintf("%s is no address of this machine", address), Err: err,
			Hint: "give one of its own with --listen; 0.0.0.0 is all of them",
		}
	case err != nil:
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	return l, nil
}

// urlOf is the URL of the server that listens there, in the words of the flag.
func urlOf(address string, l net.Listener) string {
	host, _, _ := net.SplitHostPort(address)           // listen has split it before
	_, port, _ := net.SplitHostPort(l.Addr().String()) // a listener's address has a port
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
