package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/server"
)

// sender sends batches to a server. It is safe for concurrent use.
type sender struct {
	http     *http.Client
	url      string
	endpoint string // for messages
	farm     pushTarget
	signer   signer
	packer   *zstd.Encoder
	near     bool // the server is on this machine, to which bytes cost less than packing them
	retryFor time.Duration
	retries  atomic.Int64
	notice   func(string) // is told that a batch is tried again
}

// attemptLimit bounds one attempt, its answer included.
const attemptLimit = 2 * time.Minute

// newSender makes a sender from AWS's standard configuration.
func (p *program) newSender(ctx context.Context, endpoint string, farm pushTarget, retryFor time.Duration) (*sender, error) {
	c, err := p.dial(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	transport.MaxIdleConnsPerHost = maxAtOnce
	s := &sender{
		http: &http.Client{Timeout: attemptLimit, Transport: transport}, endpoint: c.endpoint, farm: farm,
		signer: c.signer(), packer: packer, retryFor: retryFor,
		notice: func(text string) { fmt.Fprintln(p.stderr, "farmtally: "+visible(text)) },
	}
	if at, err := url.Parse(c.endpoint); err == nil {
		ip := net.ParseIP(at.Hostname())
		s.near = at.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	}
	query := url.Values{}
	if farm.name != "" {
		query.Set("farmName", farm.name)
	}
	query.Set("kind", farm.kind)
	s.url = strings.TrimSuffix(c.endpoint, "/") + "/v1/farms/" + string(farm.id) + "/usage?" + query.Encode()
	return s, nil
}

// The pauses between attempts.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// send sends a batch until the server has answered it, for retryFor after the first
// attempt that failed.
func (s *sender) send(ctx context.Context, batch []byte) (*server.PushResult, error) {
	packed := batch
	if !s.near {
		packed = s.packer.EncodeAll(batch, nil)
	}
	var until time.Time
	for pause := firstRetry; ; pause = min(pause*2, lastRetry) {
		result, again, err := s.attempt(ctx, packed)
		switch {
		case err == nil:
			return result, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case again < 0:
			return nil, err
		case until.IsZero():
			until = time.Now().Add(s.retryFor)
			if s.retryFor > 0 {
				s.notice(fmt.Sprintf("%s; trying again for %s", firstLine(err), s.retryFor))
			}
		}
		// A random part keeps clients that failed together from coming back together.
		wait := max(again, pause/2+rand.N(pause)) //nolint:gosec // no secret
		if time.Now().Add(wait).After(until) {
			return nil, err
		}
		s.retries.Add(1)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// firstLine is an error in one line.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// never says that an attempt is not to be made again.
const never = -1

// attempt sends a packed batch once. Where that fails, it says how long at least to
// wait before the next attempt, or never.
func (s *sender) attempt(ctx context.Context, packed []byte) (*server.PushResult, time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(packed))
	if err != nil {
		return nil, never, fmt.Errorf("make request: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	if !s.near {
		r.Header.Set("Content-Encoding", "zstd")
	}
	if err := s.signer.sign(ctx, r, packed); err != nil {
		return nil, never, err
	}
	response, err := s.http.Do(r)
	if err != nil {
		return nil, 0, s.unreachable(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, 0, s.unreachable(err)
	}
	if response.StatusCode != http.StatusOK {
		again := time.Duration(never)
		if response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError {
			seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // a hint at best
			again = time.Duration(max(seconds, 0)) * time.Second
		}
		return nil, again, s.refused(response.Status, body)
	}
	var result server.PushResult
	if err := json.Unmarshal(body, &result); err != nil {
		return nil, never, fmt.Errorf("read answer of %s: %w", s.endpoint, err)
	}
	return &result, 0, nil
}

func (s *sender) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return &farmtally.Error{
		Kind: farmtally.Unavailable, Message: "no server answers at " + s.endpoint, Err: err,
		Hint: "start one with 'farmtally serve', or name another with --endpoint",
	}
}

// refused says what a server has answered in place of a result.
func (s *sender) refused(status string, body []byte) error {
	var exception struct {
		Type      string `json:"__type"`
		Message   string `json:"message"`
		FieldList []struct{ Name, Message string }
	}
	if json.Unmarshal(body, &exception) != nil || exception.Type == "" {
		return farmtally.Errorf(farmtally.Internal, "the server at %s answered %s", s.endpoint, status)
	}
	switch {
	case exception.Type == "AccessDeniedException":
		return &farmtally.Error{
			Kind: farmtally.Denied, Message: "the access key may not push records of this farm: " + exception.Message,
			Hint: fmt.Sprintf("make one that may with 'farmtally keys create --name NAME --grant %s=WRITER'", s.farm.id),
		}
	case slices.Contains(denials, exception.Type):
		return &farmtally.Error{
			Kind: farmtally.Denied, Message: "the server refused the signature: " + exception.Message,
			Hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that 'farmtally keys create' made",
		}
	case exception.Type == "ValidationException":
		e := farmtally.Errorf(farmtally.Invalid, "the server refused the batch: %s", exception.Message)
		for _, f := range exception.FieldList {
			e.Fields = append(e.Fields, farmtally.Field{Name: f.Name, Message: f.Message})
		}
		return e
	}
	return farmtally.Errorf(farmtally.Internal, "the server answered %s: %s", exception.Type, exception.Message)
}
