package deadline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Time is a timestamp that prints as AppendTime says.
type Time time.Time

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) { return AppendTime(nil, time.Time(t)), nil }

// FarmSummary is AWS's shape of the same name.
type FarmSummary struct {
	FarmID      string `json:"farmId"`
	DisplayName string `json:"displayName"`
	CreatedAt   Time   `json:"createdAt"`
	CreatedBy   string `json:"createdBy"`
}

// QueueSummary is AWS's shape of the same name.
type QueueSummary struct {
	FarmID              string `json:"farmId"`
	QueueID             string `json:"queueId"`
	DisplayName         string `json:"displayName"`
	Status              string `json:"status"`
	DefaultBudgetAction string `json:"defaultBudgetAction"`
	CreatedAt           Time   `json:"createdAt"`
	CreatedBy           string `json:"createdBy"`
}

// FleetSummary is AWS's shape of the same name.
type FleetSummary struct {
	FleetID        string             `json:"fleetId"`
	FarmID         string             `json:"farmId"`
	DisplayName    string             `json:"displayName"`
	Status         string             `json:"status"`
	WorkerCount    int                `json:"workerCount"`
	MinWorkerCount int                `json:"minWorkerCount"`
	MaxWorkerCount int                `json:"maxWorkerCount"`
	Configuration  FleetConfiguration `json:"configuration"`
	CreatedAt      Time               `json:"createdAt"`
	CreatedBy      string             `json:"createdBy"`
}

// FleetConfiguration is AWS's union of the same name, of which customerManaged is
// the one that fits a farm outside AWS.
type FleetConfiguration struct {
	CustomerManaged CustomerManagedFleet `json:"customerManaged"`
}

// CustomerManagedFleet is AWS's CustomerManagedFleetConfiguration.
type CustomerManagedFleet struct {
	Mode               string             `json:"mode"`
	WorkerCapabilities WorkerCapabilities `json:"workerCapabilities"`
}

// WorkerCapabilities is AWS's CustomerManagedWorkerCapabilities.
type WorkerCapabilities struct {
	VCPUCount           Range  `json:"vCpuCount"`
	MemoryMiB           Range  `json:"memoryMiB"`
	OSFamily            string `json:"osFamily"`
	CPUArchitectureType string `json:"cpuArchitectureType"`
}

// Range is AWS's VCpuCountRange and MemoryMiBRange.
type Range struct {
	Min int `json:"min"`
}

// ListFarmsResponse is AWS's shape of the same name.
type ListFarmsResponse struct {
	Farms     []FarmSummary `json:"farms"`
	NextToken string        `json:"nextToken,omitempty"`
}

// ListQueuesResponse is AWS's shape of the same name.
type ListQueuesResponse struct {
	Queues    []QueueSummary `json:"queues"`
	NextToken string         `json:"nextToken,omitempty"`
}

// ListFleetsResponse is AWS's shape of the same name.
type ListFleetsResponse struct {
	Fleets    []FleetSummary `json:"fleets"`
	NextToken string         `json:"nextToken,omitempty"`
}

// Marshal gives the JSON body of a response.
func Marshal(response any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(response); err != nil {
		return nil, fmt.Errorf("encode %T: %w", response, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
