package server_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/farmtally/farmtally/server"
)

func TestLoopbackAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:8787": true, "127.9.9.9:1": true, "localhost:8787": true, "LOCALHOST:1": true, "[::1]:8787": true, "::1": true, "[::1]": true,
		"127.0.0.1": true, "localhost": true, "[::ffff:127.0.0.1]:1": true,
		":8787": false, "0.0.0.0:8787": false, "[::]:8787": false, "192.0.2.1:1": false, "example.com:1": false, "": false,
		"localhost.example.com:1": false, "127.0.0.1.example.com:1": false, "management.localhost:1": false,
	} {
		if have := server.LoopbackAddress(address); have != want {
			t.Errorf("%q: got %t", address, have)
		}
	}
}

// TestHTTPServer: a header that is too long gets no further than net/http, and no
// limit of a connection is open.
func TestHTTPServer(t *testing.T) {
	f := newFixture(t, nil)
	h := server.HTTPServer(f.handler)
	for name, limit := range map[string]time.Duration{
		"header": h.ReadHeaderTimeout, "read": h.ReadTimeout, "write": h.WriteTimeout, "idle": h.IdleTimeout,
	} {
		if limit <= 0 {
			t.Errorf("no timeout of %s", name)
		}
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.Serve(listener) }()
	for header, want := range map[int]int{10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Filler", strings.Repeat("x", header))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("a header of %d bytes: %d", header, response.StatusCode)
		}
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != http.ErrServerClosed { //nolint:errorlint // the very one
		t.Error(err)
	}
}
