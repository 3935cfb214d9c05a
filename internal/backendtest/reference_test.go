package backendtest_test

import (
	"testing"

	"github.com/farmtally/farmtally/internal/backendtest"
)

func TestReferencePassesTheSuite(t *testing.T) { backendtest.Run(t, backendtest.NewReference()) }
