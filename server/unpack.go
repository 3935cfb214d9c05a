package server

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/farmtally/farmtally/deadline"
)

// unpackLimited reads all of a body that was packed, up to MaxPushUnpacked, so that no
// small body becomes a large one. Its errors are the exceptions to answer with.
func unpackLimited(in io.Reader, packing string, packed int) ([]byte, error) {
	var text bytes.Buffer
	text.Grow(min(8*packed, MaxPushUnpacked) + bytes.MinRead)
	_, err := text.ReadFrom(io.LimitReader(in, MaxPushUnpacked+1))
	switch {
	case text.Len() > MaxPushUnpacked, errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, errTooMuch
	case err != nil:
		return nil, damagedBody(packing)
	}
	return text.Bytes(), nil
}

func damagedBody(packing string) error {
	return malformed(deadline.CannotParse, "The body of the request is not good %s data, or was cut off.", packing)
}

// unpackers are those that are not in use.
var unpackers struct{ gzip, zstd sync.Pool } // *gzip.Reader, *zstd.Decoder

func unpackGzip(body []byte) ([]byte, error) {
	z, ok := unpackers.gzip.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	defer unpackers.gzip.Put(z)
	if err := z.Reset(bytes.NewReader(body)); err != nil {
		return nil, damagedBody("gzip")
	}
	return unpackLimited(z, "gzip", len(body))
}

func unpackZstd(body []byte) (text []byte, err error) {
	d, ok := unpackers.zstd.Get().(*zstd.Decoder)
	if ok {
		err = d.Reset(bytes.NewReader(body))
	} else {
		d, err = zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxPushUnpacked), zstd.WithDecoderMaxWindow(MaxPushBytes))
	}
	if err != nil {
		return nil, damagedBody("zstd")
	}
	defer func() {
		if d.Reset(nil) == nil {
			unpackers.zstd.Put(d)
		}
	}()
	return unpackLimited(d, "zstd", len(body))
}
