package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/deadline"
	"github.com/farmtally/farmtally/paginate"
)

func main() {
	cfg := paginate.Must(config.LoadDefaultConfig(context.Background()))
	rule := paginate.Rule{InputTokens: []string{"nextToken"}, OutputTokens: []string{"nextToken"}, ResultKeys: []string{"statistics"}}
	p := paginate.Must(paginate.New(rule, paginate.Method(deadline.NewFromConfig(cfg).GetSessionsStatisticsAggregation)))
	rows, in := 0, &deadline.GetSessionsStatisticsAggregationInput{FarmId: &os.Args[1], AggregationId: &os.Args[2]}
	for page, err := range p.Paginate(in, paginate.Options{}).All(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		rows += len(page.Statistics)
	}
	log.Println(rows, "rows")
}
