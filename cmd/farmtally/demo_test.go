package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// demoFigures is what the demo prints before it comes to other clients.
func demoFigures(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	standardAWS(t, createdKey{})
	figures, _, found := strings.Cut(do(t, "demo"), "\nTo ask for yourself")
	if !found {
		t.Fatalf("the demo prints\n%s", figures)
	}
	return figures
}

// TestREADMEShowsTheDemo keeps the README's example what the program prints, within
// the first 25 lines.
func TestREADMEShowsTheDemo(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	head := strings.Join(strings.SplitAfter(string(text), "\n")[:25], "")
	if figures := demoFigures(t); !strings.Contains(head, figures) {
		t.Errorf("the README's first 25 lines lack what the demo prints:\n%s", figures)
	}
}

func TestDemoTwiceIsTheSame(t *testing.T) {
	first := demoFigures(t)
	second, _, _ := strings.Cut(do(t, "demo"), "\nTo ask for yourself")
	if first != second {
		t.Errorf("the demo prints\n%sand then\n%s", first, second)
	}
}

func TestDemoLogImportsWithoutRejections(t *testing.T) {
	var log bytes.Buffer
	lines, err := writeDemoLog(&log)
	if err != nil || lines != strings.Count(log.String(), "\n") {
		t.Fatalf("%d lines are said, %d written, %v", lines, strings.Count(log.String(), "\n"), err)
	}
	var summary struct {
		Read, Rejected int64
		Skipped        map[string]int64
	}
	data := filepath.Join(t.TempDir(), "data")
	got := invocation{stdin: log.String()}.run(t, "import", "sacct", "--data", data, "--output", "json", "-")
	if err := json.Unmarshal([]byte(got.stdout), &summary); err != nil || got.code != exitDone {
		t.Fatalf("exit %d, %v\n%s%s", got.code, err, got.stdout, got.stderr)
	}
	if summary.Read != int64(lines-1) || summary.Rejected != 0 || summary.Skipped["job step"] == 0 || summary.Skipped["never got a node"] == 0 {
		t.Errorf("the summary is %+v", summary)
	}
}

// TestDemoLinesWorkInRealClients runs the lines that the demo prints for boto3 and
// for the AWS CLI.
func TestDemoLinesWorkInRealClients(t *testing.T) {
	interpreter, aws := python(t), awsCLI(t)
	cmd := command(t, "demo", "--keep-serving", "--data", filepath.Join(t.TempDir(), "demo"))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		interrupt(t, cmd.Process)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the interrupted demo ends with %v", err)
		}
	}()
	var printed strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if strings.TrimSpace(lines.Text()) == "$get" {
			break
		}
	}
	blocks := regexp.MustCompile(`(?s)(export AWS.*?)\n\nboto3:\n\n(.*?)\n\nThe AWS CLI:\n\n(.*)`).FindStringSubmatch(unindent(printed.String()))
	if blocks == nil {
		t.Fatalf("the demo prints\n%s", printed.String())
	}
	env := append(clientEnv(t, createdKey{}), "PATH="+filepath.Dir(aws)+":"+os.Getenv("PATH"))
	script := blocks[1] + "\n" + interpreter + " - <<'END'\n" + blocks[2] + "\nEND\n" + blocks[3]
	shell := exec.CommandContext(t.Context(), "bash", "-euc", script)
	shell.Env = env
	out, err := shell.CombinedOutput()
	if err != nil || strings.Count(string(out), "aggregationStartTime") != 2*strings.Count(blocks[2], `"queue-`)*5 {
		t.Errorf("%v:\n%s", err, out)
	}
}

// unindent takes four blanks from the beginning of each line.
func unindent(text string) string { return regexp.MustCompile(`(?m)^ {4}`).ReplaceAllString(text, "") }
