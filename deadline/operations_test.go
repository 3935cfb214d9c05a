package deadline_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/farmtally/farmtally/deadline"
)

func TestOperationOf(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{http.MethodGet, "farms", "ListFarms"},
		{http.MethodPost, "farms", "CreateFarm"},
		{http.MethodDelete, "farms", ""},
		{http.MethodGet, "farms/", "GetFarm"},
		{http.MethodGet, "farms/f/queues/q/jobs/j/steps/s/tasks", "ListTasks"},
		{http.MethodGet, "farms/f/queues/q/jobs/j/steps/s/tasks/t", "GetTask"},
		{http.MethodGet, "farms/f/queues/q/jobs/j/steps/s/tasks/t/x", ""},
		{http.MethodPatch, "farms/f/fleets/f/workers/w/schedule", "UpdateWorkerSchedule"},
		{http.MethodPost, "tags/arn:aws:deadline:r:1:farm/f", ""},
		{http.MethodPost, "tags/arn:aws:deadline:r:1:farm", "TagResource"},
		{http.MethodGet, "", ""},
		{http.MethodGet, "nothing", ""},
	} {
		if got := deadline.OperationOf(c.method, strings.Split(c.path, "/")); got != c.want {
			t.Errorf("%s %s is %q, want %q", c.method, c.path, got, c.want)
		}
	}
	if got := deadline.OperationOf(http.MethodGet, nil); got != "" {
		t.Errorf("no segments are %q", got)
	}
}
