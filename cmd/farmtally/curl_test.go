package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// curl runs the real curl, which signs with the key, in a folder.
func curl(t *testing.T, folder string, key createdKey, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error", "--fail-with-body",
		"--aws-sigv4", "aws:amz:us-east-1:deadline", "--user", key.AccessKeyID + ":" + key.SecretAccessKey}, args...)...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestCurlDownloads: curl signs, and keeps a file under the name that the server gives.
func TestCurlDownloads(t *testing.T) {
	_, err := exec.LookPath("curl")
	needClient(t, err, "curl")
	data := importStudio(t)
	key := newKey(t, data)
	standardAWS(t, key)
	server := serve(t, data)
	text := askStats(t, server.url, "--group-by", "user", "--output", "json")
	farm := regexp.MustCompile(`"farmId": "(farm-[0-9a-f]+)"`).FindStringSubmatch(text)
	id := regexp.MustCompile(`"aggregationId": "([0-9a-f]+)"`).FindStringSubmatch(text)
	if farm == nil || id == nil {
		t.Fatalf("no ids in %s", text)
	}
	folder := t.TempDir()
	url := server.url + "/v1/farms/" + farm[1] + "/aggregations/" + id[1] + "/export"
	curl(t, folder, key, "--remote-name", "--remote-header-name", url+"?format=csv")
	content, err := os.ReadFile(filepath.Join(folder, "farmtally studio 2025-11-24 to 2025-11-24.csv"))
	if err != nil || !strings.HasPrefix(string(content), "\ufeffaggregationStartTime,") || !strings.Contains(string(content), ",amira,") {
		files, _ := filepath.Glob(folder + "/*")
		t.Errorf("%v, %q; the folder has %q", err, content, files)
	}
	if api := curl(t, folder, key, server.url+"/v1/openapi.json"); !strings.Contains(api, `"openapi": "3.1.0"`) {
		t.Errorf("the document is %.200s", api)
	}
	if metrics := curl(t, folder, key, server.url+"/metrics"); !strings.Contains(metrics, "\nfarmtally_records{") {
		t.Errorf("the metrics are %.200s", metrics)
	}
}
