package deadline

// Double is a number that prints as AppendDouble says.
type Double float64

// MarshalJSON implements json.Marshaler.
func (d Double) MarshalJSON() ([]byte, error) { return AppendDouble(nil, float64(d)), nil }

// GetFarmResponse is AWS's shape of the same name.
type GetFarmResponse struct {
	FarmSummary
	KMSKeyARN       string `json:"kmsKeyArn"` // required by AWS's models up to 2026
	CostScaleFactor Double `json:"costScaleFactor"`
}

// GetQueueResponse is AWS's shape of the same name, without its optional members.
type GetQueueResponse struct {
	QueueSummary
}

// GetFleetResponse is AWS's shape of the same name, without its optional members.
type GetFleetResponse struct {
	FleetSummary
	RoleARN string `json:"roleArn"`
}

// MeteredProductSummary is AWS's shape of the same name.
type MeteredProductSummary struct {
	ProductID string `json:"productId"`
	Family    string `json:"family"`
	Vendor    string `json:"vendor"`
	Port      int    `json:"port"`
}

// ListAvailableMeteredProductsResponse is AWS's shape of the same name.
type ListAvailableMeteredProductsResponse struct {
	MeteredProducts []MeteredProductSummary `json:"meteredProducts"`
	NextToken       string                  `json:"nextToken,omitempty"`
}
