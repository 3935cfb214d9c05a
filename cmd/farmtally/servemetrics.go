package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/farmtally/farmtally/server"
	"github.com/farmtally/farmtally/storage"
)

// leastMetricsToken is the fewest characters of a token, so that none can be guessed.
const leastMetricsToken = 16

// readMetricsToken reads the token of those who may read the metrics; its error names
// the flag at fault.
func (o *serveOptions) readMetricsToken() error {
	if o.metricsTokenFile == "" {
		return nil
	}
	f, err := os.Open(o.metricsTokenFile)
	if err != nil {
		return fmt.Errorf("--metrics-token-file: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	const most = 4096
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return fmt.Errorf("--metrics-token-file: %w", err)
	}
	o.metricsToken = strings.TrimSpace(string(text))
	if len(o.metricsToken) < leastMetricsToken || strings.ContainsAny(o.metricsToken, " \t\r\n") {
		return fmt.Errorf("--metrics-token-file %s: must hold one token of at least %d characters, as 'openssl rand -hex 32' makes one",
			o.metricsTokenFile, leastMetricsToken)
	}
	return nil
}

// figuresOf reads a data folder's figures for the metrics.
func figuresOf(c *storage.Catalog) func(context.Context) ([]server.Figures, error) {
	return func(ctx context.Context) ([]server.Figures, error) {
		farms, err := c.Figures(ctx)
		if err != nil {
			return nil, err
		}
		catalog, results, err := c.Sizes()
		if err != nil {
			return nil, err
		}
		all := []server.Figures{{CatalogBytes: catalog, ResultBytes: results}}
		for _, f := range farms {
			all = append(all, server.Figures{
				FarmID: f.FarmID, Records: f.Records, Unpriced: f.Unpriced, Segments: f.Segments,
				SegmentBytes: f.SegmentBytes, Newest: f.Newest,
			})
		}
		return all, nil
	}
}
