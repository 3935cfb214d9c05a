package main

import (
	"fmt"
	neturl "net/url"
	"strings"
	"text/template"
	"time"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/ingest"
)

// demoClients shows how to ask the demo's question with other clients.
var demoClients = template.Must(template.New("clients").Parse(`
{{- if .Live}}
It serves at {{.URL}} until you press Ctrl-C. {{else}}
To ask for yourself, serve it, and open it in a browser:

    farmtally serve --data {{.Data}} --listen localhost:8787 --no-auth

{{end}}Any AWS client can ask. Keep it from putting "management." before the host:

    export AWS_DISABLE_HOST_PREFIX_INJECTION=true AWS_DEFAULT_REGION=us-east-1

boto3:

    import boto3, botocore, time
    client = boto3.client("deadline", endpoint_url="{{.URL}}",
        config=botocore.config.Config(signature_version=botocore.UNSIGNED))
    started = client.start_sessions_statistics_aggregation(
        farmId="{{.Farm}}",
        resourceIds={"queueIds": [
{{- range .Queues}}
            "{{.}}",{{end}}
        ]},
        startTime="{{.Start}}", endTime="{{.End}}",
        period="WEEKLY", groupBy=["QUEUE_ID"], statistics=["SUM"])
    asked = {"farmId": "{{.Farm}}", "aggregationId": started["aggregationId"]}
    while client.get_sessions_statistics_aggregation(**asked)["status"] == "IN_PROGRESS":
        time.sleep(0.2)
    pages = client.get_paginator("get_sessions_statistics_aggregation").paginate(**asked)
    print(pages.build_full_result())

The AWS CLI:

    id=$(aws deadline start-sessions-statistics-aggregation --endpoint-url {{.URL}} --no-sign-request \
        --farm-id {{.Farm}} \
        --resource-ids queueIds={{range $i, $q := .Queues}}{{if $i}},{{end}}{{$q}}{{end}} \
        --start-time {{.Start}} --end-time {{.End}} \
        --period WEEKLY --group-by QUEUE_ID --statistics SUM --query aggregationId --output text)
    get="aws deadline get-sessions-statistics-aggregation --endpoint-url {{.URL}} --no-sign-request \
        --farm-id {{.Farm}} --aggregation-id $id"
    while [ "$($get --query status --output text | head -1)" = IN_PROGRESS ]; do sleep 0.2; done
    $get
`))

func (p *program) printDemoClients(s *scope, url string, live bool) error {
	if !live {
		url = "http://localhost:8787"
	}
	var queues []string
	for _, q := range s.resources {
		queues = append(queues, q.id)
	}
	var b strings.Builder
	err := demoClients.Execute(&b, map[string]any{
		"Live": live, "URL": url, "Data": p.data, "Farm": s.farm.id, "Queues": queues,
		"Start": demoStart.Format("2006-01-02T15:04:05Z"), "End": demoEnd.Format("2006-01-02T15:04:05Z"),
	})
	if err != nil {
		return fmt.Errorf("print clients: %w", err)
	}
	_, err = fmt.Fprint(p.stdout, b.String())
	return err
}

// printDemoPage says where the demo's months are to be seen.
func (p *program) printDemoPage(url string) {
	query := neturl.Values{
		"farm": {farmtally.HashID(farmtally.FarmPrefix, ingest.SlurmKind, demoFarm, demoFarm)},
		"from": {demoHistoryStart.Format(time.DateOnly)}, "to": {demoEnd.Format(time.DateOnly)}, "zone": {"UTC+00:00"}, "group": {"QUEUE_ID"},
	}
	fmt.Fprintf(p.stdout, "\nIn a browser, until you press Ctrl-C (why does November cost so much?):\n\n    %s/?%s\n", url, strings.ReplaceAll(query.Encode(), "%3A", ":"))
}
