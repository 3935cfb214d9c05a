package rates_test

import (
	"fmt"

	"github.com/farmtally/farmtally"
	"github.com/farmtally/farmtally/rates"
)

// The row with the most criteria that a record meets is the one that prices it.
func Example() {
	card, err := rates.Parse("card.toml", []byte(`
[[rate]]
id = "machines"
usageType = "COMPUTE"
usdPerHour = "0.25"

[[rate]]
id = "large-machines"
usageType = "COMPUTE"
instanceType = "c5.24xlarge"
usdPerHour = "0.04"
per = "cpu"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, machine := range []string{"c5.large", "c5.24xlarge"} {
		r := farmtally.Record{
			UsageType: farmtally.Compute, InstanceType: machine, EndedAt: 3_600_000, Workers: farmtally.One, CPUs: 96 * farmtally.One,
		}
		card.Price(&r, "")
		fmt.Println(machine, r.Rate.ID, r.At(r.EndedAt).Cost)
	}
	// Output:
	// c5.large machines 0.25
	// c5.24xlarge large-machines 3.84
}

// Every mistake of a card is told at once, by line and key.
func ExampleParse() {
	_, err := rates.Parse("card.toml", []byte(`[[rate]]
id = "machines"
usagetype = "COMPUTE"
usdPerHour = 0.25
`))
	if e, ok := err.(*farmtally.Error); ok { //nolint:errorlint // Parse says that it is one
		for _, f := range e.Fields {
			fmt.Println(f.Name, f.Message)
		}
	}
	// Output:
	// card.toml:1: usageType is required, such as usageType = "COMPUTE"
	// card.toml:3: usagetype is no key of a rate; did you mean usageType?
	// card.toml:4: usdPerHour must be in quotes, usdPerHour = "0.25": a bare number would be read as binary floating point
}
