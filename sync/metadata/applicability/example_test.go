package applicability_test

import (
	"fmt"
	"strings"

	"fettle/sync/metadata/applicability"
)

// An update for 64-bit Windows Server 2025 that is not there yet.
func ExampleRules_Evaluate() {
	rules, err := applicability.Parse([]byte(`<ApplicabilityRules><IsInstalled>` +
		`<b.RegSzToVersion Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Example" Value="Version" Comparison="GreaterThanOrEqualTo" Data="2.1" />` +
		`</IsInstalled><IsInstallable><And><b.WindowsVersion Comparison="GreaterThanOrEqualTo" MajorVersion="10" MinorVersion="0" BuildNumber="26100" ProductType="3" />` +
		`<b.Processor Architecture="9" /></And></IsInstallable></ApplicabilityRules>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(rules.Lines(72), "\n"))
	computer, err := applicability.ReadComputer([]byte(`
windows = {version = "10.0.26100.4349", product_type = "server"}
processor = {architecture = "x64"}
[[registry.keys]]
path = 'HKLM\SOFTWARE\Example'
values = {Version = "2.0.3"}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(rules.Evaluate(computer).Lines(72), "\n"))
	// Output:
	// Installed when:
	// - HKLM\SOFTWARE\Example\Version >= version 2.1
	// Installable when all of these hold:
	// - Windows build at least 10.0.26100 (server)
	// - x64
	// Installed: no
	// - HKLM\SOFTWARE\Example\Version >= version 2.1: it is 2.0.3
	// Installable: yes
	// - Windows build at least 10.0.26100 (server): it is 10.0.26100.4349,
	//   server
	// - x64: it is x64
	// Needed: yes
}
