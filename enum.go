package farmtally

import (
	"fmt"
	"strings"
)

// The names of AWS's model, by value; "" is no name.
var (
	usageTypeNames = []string{Compute: "COMPUTE", License: "LICENSE", PersistentVolume: "PERSISTENT_VOLUME"}
	periodNames    = []string{WholeRange: "", Hourly: "HOURLY", Daily: "DAILY", Weekly: "WEEKLY", Monthly: "MONTHLY"}
	dimensionNames = []string{ByQueue: "QUEUE_ID", ByFleet: "FLEET_ID", ByJob: "JOB_ID", ByUser: "USER_ID",
		ByUsageType: "USAGE_TYPE", ByInstanceType: "INSTANCE_TYPE", ByLicenseProduct: "LICENSE_PRODUCT"}
	statisticNames = []string{StatSum: "SUM", StatMin: "MIN", StatMax: "MAX", StatAvg: "AVG"}
	unitNames      = []string{PerWorker: "worker", PerCPU: "cpu", PerGPU: "gpu", PerGiB: "GiB", PerSeat: "seat"}
	statusNames    = []string{InProgress: "IN_PROGRESS", Completed: "COMPLETED", Failed: "FAILED", TimedOut: "TIMEOUT"}
)

func enumName[E ~int](names []string, e E) string {
	if e < 1 || int(e) >= len(names) {
		return fmt.Sprintf("%T(%d)", e, int(e))
	}
	return names[e]
}

func parseEnum[E ~int](names []string, s string) (E, error) {
	var allowed []string
	for i, name := range names[1:] {
		if name == s && name != "" {
			return E(i + 1), nil
		}
		if name != "" {
			allowed = append(allowed, name)
		}
	}
	return 0, fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
}

// String is the name in AWS's model.
func (u UsageType) String() string { return enumName(usageTypeNames, u) }

// String is the name in AWS's model, and "" for WholeRange.
func (p Period) String() string { return enumName(periodNames, p) }

// String is the name in AWS's model.
func (d Dimension) String() string { return enumName(dimensionNames, d) }

// String is the name in AWS's model.
func (s Statistic) String() string { return enumName(statisticNames, s) }

// String is the name in AWS's model.
func (s Status) String() string { return enumName(statusNames, s) }

// String is the name that a rate card uses.
func (u Unit) String() string { return enumName(unitNames, u) }

// ParseUnit reads a name that a rate card uses, in any case; its error says which
// are allowed.
func ParseUnit(s string) (Unit, error) {
	for i, name := range unitNames {
		if name != "" && strings.EqualFold(s, name) {
			return Unit(i), nil
		}
	}
	return parseEnum[Unit](unitNames, s)
}

// ParseUsageType reads a name of AWS's model; its error says which are allowed.
func ParseUsageType(s string) (UsageType, error) { return parseEnum[UsageType](usageTypeNames, s) }

// ParsePeriod reads a name of AWS's model; its error says which are allowed.
func ParsePeriod(s string) (Period, error) { return parseEnum[Period](periodNames, s) }

// ParseDimension reads a name of AWS's model; its error says which are allowed.
func ParseDimension(s string) (Dimension, error) { return parseEnum[Dimension](dimensionNames, s) }

// ParseStatistic reads a name of AWS's model; its error says which are allowed.
func ParseStatistic(s string) (Statistic, error) { return parseEnum[Statistic](statisticNames, s) }
