package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// The limits of a connection. A request is small and so is an answer: these bound
// what a slow or silent client can hold.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 32 << 10
)

// HTTPServer wraps a handler in a server with timeouts and a limit on headers. The
// caller gives it a listener and shuts it down.
func HTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
}

// LoopbackAddress reports whether a listener on addr, "host:port" or a host alone,
// can be reached from this machine only: localhost or a loopback address. An empty
// host means every interface, and any other name could be anywhere.
func LoopbackAddress(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
