package main

import (
	"net"
	"strings"
	"testing"
)

func TestLocalhostListensOnBothLoopbacksAtOnePort(t *testing.T) {
	six, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	_ = six.Close() // it was a question
	listeners, err := listen(t.Context(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ports := map[string]bool{}
	for _, l := range listeners {
		defer l.Close() //nolint:errcheck // only listened
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports[port] = true
	}
	if len(listeners) != 2 || len(ports) != 1 {
		t.Errorf("%d listeners at ports %v, want 2 at one", len(listeners), ports)
	}
	if url := urlOf("localhost:0", listeners[0]); !strings.HasPrefix(url, "http://localhost:") || strings.HasSuffix(url, ":0") {
		t.Errorf("the server is said to be at %s", url)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // only listened
	address := taken.Addr().String()
	got := invocation{}.run(t, "serve", "--data", t.TempDir(), "--listen", address)
	want := "farmtally: the address " + address + " is in use by another program\n" +
		"give another one with --listen; port 0 takes any free one\n"
	if got.code != exitFailed || got.stderr != want {
		t.Errorf("exit %d, stderr:\n%swant\n%s", got.code, got.stderr, want)
	}
}
