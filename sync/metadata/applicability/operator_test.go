package applicability

import (
	"fmt"
	"strings"
	"testing"
)

// rulesOf makes rules of one expression and metadata, in the folded form.
func rulesOf(t testing.TB, expression, metadata string) *Rules {
	t.Helper()
	if metadata != "" {
		metadata = "<Metadata>" + metadata + "</Metadata>"
	}
	r, err := Parse([]byte(`<UpdateIdentity UpdateID="11111111-2222-4333-8444-555555555555" RevisionNumber="1" /><ApplicabilityRules><IsInstalled>` +
		expression + `</IsInstalled>` + metadata + `</ApplicabilityRules>`))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return r
}

func described(t testing.TB, toml string) *Computer {
	t.Helper()
	c, err := ReadComputer([]byte(toml))
	if err != nil {
		t.Fatalf("%v\n%s", err, toml)
	}
	return c
}

const (
	manifest = `<CbsPackageApplicabilityMetadata><assembly xmlns="urn:schemas-microsoft-com:asm.v3" description="Fix"><assemblyIdentity name="Package_for_RollupFix" version="26100.4349.1.9" processorArchitecture="amd64" language="neutral" publicKeyToken="31bf3856ad364e35" /><package identifier="KB5000001" releaseType="Security Update"><component><assemblyIdentity name="Other" version="1.0" /></component></package><assemblyIdentity name="Second" version="2.0" /></assembly></CbsPackageApplicabilityMetadata>`
	feature  = `<CbsPackageApplicabilityMetadata><assembly xmlns="urn:schemas-microsoft-com:asm.v3"><assemblyIdentity name="Fod" version="10.0.1.0" processorArchitecture="amd64" language="neutral" publicKeyToken="31bf" /></assembly></CbsPackageApplicabilityMetadata>`
	mspatch  = `<m.MsiPatchMetadata><MsiPatch xmlns="http://www.microsoft.com/msi/patch_applicability.xsd" PatchGUID="{P1}"><TargetProduct><TargetProductCode>{A1}</TargetProductCode><TargetVersion Validate="true" ComparisonType="LessThanOrEqual" ComparisonFilter="MajorMinorUpdate">1.2.3</TargetVersion></TargetProduct></MsiPatch><m.FallbackPatchCode>{P0}</m.FallbackPatchCode></m.MsiPatchMetadata>`
	msapp    = `<m.MsiApplicationMetadata><m.ProductCode Version="2.0">{A1}</m.ProductCode></m.MsiApplicationMetadata>`
	drivers  = `<d.WindowsDriverMetaData HardwareID="PCI\VEN_1&amp;DEV_2" DriverVerDate="2026-01-01" DriverVerVersion="2.0.0.1" WhqlDriverID="1" Class="Net" Company="C" Provider="P" Manufacturer="M" Model="X" />`

	device  = "[[devices.list]]\nhardware_ids = ['PCI\\VEN_1&DEV_2&REV_3', 'PCI\\VEN_1&DEV_2']\nmatched_id = 'PCI\\VEN_1&DEV_2'\n"
	dword   = `Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Own" Value="N"`
	noValue = "[[registry.keys]]\npath = 'HKLM\\SOFTWARE\\Own'\nvalues = {N = false}"
)

func ownValue(data string) string {
	return "[[registry.keys]]\npath = 'HKLM\\SOFTWARE\\Own'\nvalues = {N = " + data + "}"
}

func ownFile(rest string) string {
	return "[[files.list]]\npath = '%System32%\\drivers\\own.sys'\n" + rest
}

func prependedFile(rest string) string {
	return ownValue(`'D:\Own'`) + "\n[[files.list]]\npath = 'd:\\own\\own.exe'\n" + rest
}

// operatorCases have for every operator a rule, what is said of it, and
// descriptions for which it holds, does not hold, and is not known.
var operatorCases = []struct {
	rule, meta       string
	says             string
	yes, no, unknown []string
}{
	{rule: `<True />`, says: "always", yes: []string{""}},
	{rule: `<False />`, says: "never", no: []string{""}},
	{rule: `<And><True /><b.ClusteredOS /></And>`, says: "always and Windows is part of a cluster",
		yes: []string{"[cluster]\nmember = true"}, no: []string{"[cluster]\nmember = false"}, unknown: []string{""}},
	{rule: `<Or><False /><b.ClusteredOS /></Or>`, says: "never or Windows is part of a cluster",
		yes: []string{"[cluster]\nmember = true"}, no: []string{"[cluster]\nmember = false"}, unknown: []string{""}},
	{rule: `<Not><b.ClusteredOS /></Not>`, says: "Windows is not part of a cluster",
		yes: []string{"[cluster]\nmember = false"}, no: []string{"[cluster]\nmember = true"}, unknown: []string{""}},
	{rule: `<b.ClusteredOS />`, says: "Windows is part of a cluster",
		yes: []string{"[cluster]\nmember = true"}, no: []string{"[cluster]\nmember = false"}, unknown: []string{""}},

	{rule: `<b.Platform PlatformID="Windows" />`, says: "the platform is Windows",
		yes: []string{`windows = {version = "10.0"}`, `windows = {platform = "windows"}`}, no: []string{`windows = {platform = "Mac"}`}, unknown: []string{""}},
	{rule: `<b.WindowsVersion Comparison="GreaterThanOrEqualTo" MajorVersion="10" MinorVersion="0" BuildNumber="26100" />`, says: "Windows build at least 10.0.26100",
		yes:     []string{`windows = {version = "10.0.26100"}`, `windows = {version = "10.0.26200.1"}`},
		no:      []string{`windows = {version = "10.0.22631"}`, `windows = {version = "6.1.7601"}`, `windows = {version = "6"}`},
		unknown: []string{"", `windows = {version = "10.0"}`}},
	{rule: `<b.WindowsVersion MajorVersion="6" MinorVersion="1" ProductType="1" />`, says: "Windows 6.1 (workstation)",
		yes:     []string{`windows = {version = "6.1", product_type = "Workstation"}`},
		no:      []string{`windows = {version = "6.2"}`, `windows = {product_type = "server"}`, `windows = {version = "5"}`},
		unknown: []string{"", `windows = {version = "6.1"}`, `windows = {product_type = "workstation"}`}},
	{rule: `<b.WindowsVersion Comparison="LessThan" MajorVersion="10" MinorVersion="0" BuildNumber="14393" />`, says: "Windows below 10.0 and build below 14393",
		yes: []string{`windows = {version = "6.3.9600"}`}, no: []string{`windows = {version = "10.0.10240"}`}, unknown: []string{""}},
	{rule: `<b.WindowsVersion Comparison="GreaterThanOrEqualTo" MajorVersion="5" MinorVersion="1" ServicePackMajor="2" />`, says: "Windows at least 5.1 Service Pack 2",
		yes:     []string{"windows = {version = \"5.1.2600\", service_pack = \"3\"}", `windows = {version = "5.2"}`, `windows = {version = "10.0"}`},
		no:      []string{"windows = {version = \"5.1\", service_pack = \"1.0\"}", `windows = {version = "5.0"}`},
		unknown: []string{`windows = {version = "5.1"}`}},
	{rule: `<b.WindowsVersion ServicePackMajor="0" ServicePackMinor="0" />`, says: "Windows Service Pack 0.0",
		yes: []string{`windows = {version = "10.0"}`, `windows = {version = "6.1", service_pack = "0.0"}`}, no: []string{`windows = {service_pack = "1"}`}, unknown: []string{`windows = {version = "6.1"}`, `windows = {service_pack = "0"}`}},
	{rule: `<b.WindowsVersion BuildNumber="14393" SuiteMask="192" AllSuitesMustBePresent="true" />`, says: "Windows build 14393 (suites Embedded and Datacenter)",
		yes: []string{`windows = {version = "10.0.14393", suites = 192}`}, no: []string{`windows = {suites = 128}`}, unknown: []string{`windows = {version = "10.0.14393"}`}},
	{rule: `<b.WindowsVersion SuiteMask="192" />`, says: "Windows suites Embedded or Datacenter",
		yes: []string{`windows = {suites = 128}`}, no: []string{`windows = {suites = 2}`}, unknown: []string{""}},
	{rule: `<b.PlatformVersion Comparison="LessThanOrEqualTo" BuildNumber="7601" />`, says: "Windows build at most 7601",
		yes: []string{`windows = {version = "6.1.7601"}`}, no: []string{`windows = {version = "6.2.9200"}`}, unknown: []string{""}},
	{rule: `<b.WindowsLanguage Language="en" />`, says: "Windows language is en",
		yes:     []string{`language = {windows = "en-US", multilingual = false}`},
		no:      []string{`language = {windows = "de-de"}`, `language = {windows = "en-us", multilingual = true}`},
		unknown: []string{"", `language = {windows = "en-us"}`}},
	{rule: `<b.PlatformLanguage Language="zh-cn" />`, says: "Windows language is zh-cn",
		yes: []string{`language = {windows = "zh-cn", multilingual = false}`}, no: []string{`language = {windows = "zh-tw", multilingual = false}`},
		unknown: []string{`language = {windows = "zh", multilingual = false}`}},
	{rule: `<b.MuiInstalled />`, says: "the Multilingual User Interface is installed",
		yes: []string{`language = {multilingual = true}`}, no: []string{`language = {multilingual = false}`}, unknown: []string{""}},
	{rule: `<b.MuiLanguageInstalled Language="de" />`, says: "language de of the Multilingual User Interface is installed",
		yes:     []string{`language = {multilingual = true, installed = ["de-de"]}`},
		no:      []string{`language = {multilingual = false, installed = ["de"]}`, `language = {multilingual = true, installed = ["fr"], complete = true}`},
		unknown: []string{"", `language = {multilingual = true, installed = ["fr"]}`, `language = {installed = ["de"]}`}},
	{rule: `<b.SystemMetric Comparison="EqualTo" Index="86" Value="0" />`, says: "system metric 86 (Tablet PC) = 0",
		yes: []string{`metrics = {86 = 0}`}, no: []string{`metrics = {86 = 1}`}, unknown: []string{`metrics = {87 = 0}`}},
	{rule: `<b.Processor Architecture="9" Level="6" />`, says: "x64 level 6",
		yes: []string{`processor = {architecture = "AMD64", level = 6}`}, no: []string{`processor = {architecture = "arm64"}`, `processor = {level = 5}`},
		unknown: []string{"", `processor = {architecture = "x64"}`}},
	{rule: `<b.NumberOfProcessors Comparison="GreaterThan" Number="2" />`, says: "number of processors > 2",
		yes: []string{`processor = {count = 4}`}, no: []string{`processor = {count = 2}`}, unknown: []string{""}},
	{rule: `<b.ClusterResourceOwner ` + dword + ` Prefix="A" Suffix="Z" />`, says: `this computer owns the cluster resource A[HKLM\SOFTWARE\Own\N]Z`,
		yes:     []string{"cluster = {owned = ['asqlz']}\n" + ownValue("'SQL'")},
		no:      []string{"cluster = {complete = true}\n" + ownValue("'SQL'"), noValue},
		unknown: []string{"", ownValue("'SQL'"), "cluster = {owned = ['asqlz']}"}},

	{rule: `<b.FileExists Path="\drivers\own.sys" Csidl="37" Size="10" />`, says: `%WinDir%\System32\drivers\own.sys exists with size 10 bytes`,
		yes: []string{ownFile("size = 10"), "[[files.list]]\npath = 'C:/Windows\\\\SYSTEM32\\drivers\\own.sys'\nsize = 10"},
		no:  []string{ownFile("size = 11"), ownFile("absent = true"), "files = {complete = true}"}, unknown: []string{"", ownFile("")}},
	{rule: `<b.FileExists Path="C:\a\b.txt" Version="1.2" Created="2026-01-01T00:00:00Z" Modified="2026-01-02T03:04:05Z" Language="1033" />`,
		says: `C:\a\b.txt exists with version 1.2, created 2026-01-01, modified 2026-01-02 03:04:05 UTC, and language 1033`,
		yes:  []string{"[[files.list]]\npath = 'c:\\a\\b.txt'\nversion = '1.2.0'\ncreated = 2026-01-01T00:00:00Z\nmodified = 2026-01-02T03:04:05Z\nlanguage = 1033"},
		no:   []string{"[[files.list]]\npath = 'c:\\a\\b.txt'\nversion = 'none'"}, unknown: []string{"[[files.list]]\npath = 'c:\\a\\b.txt'\nversion = '1.2.0'"}},
	{rule: `<b.FileExistsPrependRegSz Path="own.exe" ` + dword + ` />`, says: `[HKLM\SOFTWARE\Own\N]\own.exe exists`,
		yes: []string{prependedFile("")}, no: []string{prependedFile("absent = true"), noValue}, unknown: []string{"", ownValue(`'D:\Own'`)}},
	{rule: `<b.FileVersion Path="drivers\own.sys" Csidl="37" Comparison="LessThan" Version="5.5.1.0" />`, says: `%WinDir%\System32\drivers\own.sys version < 5.5.1.0`,
		yes: []string{ownFile("version = '5.5.0.9'")}, no: []string{ownFile("version = '5.5.1.0'"), ownFile("version = 'none'"), ownFile("absent = true")}, unknown: []string{"", ownFile("")}},
	{rule: `<b.FileVersionPrependRegSz Path="\own.exe" ` + dword + ` Comparison="EqualTo" Version="1.0.0.0" />`, says: `[HKLM\SOFTWARE\Own\N]\own.exe version = 1.0.0.0`,
		yes: []string{prependedFile("version = '1.0'")}, no: []string{prependedFile("version = '1.1'")}, unknown: []string{prependedFile("")}},
	{rule: `<b.FileCreated Path="drivers\own.sys" Csidl="37" Comparison="GreaterThan" Created="2026-01-01T00:00:00Z" />`, says: `%WinDir%\System32\drivers\own.sys created after 2026-01-01`,
		yes: []string{ownFile("created = 2026-01-01T00:00:01Z")}, no: []string{ownFile("created = 2026-01-01T01:00:00+01:00")}, unknown: []string{ownFile("")}},
	{rule: `<b.FileCreatedPrependRegSz Path="own.exe" ` + dword + ` Comparison="GreaterThanOrEqualTo" Created="2012-03-01T00:00:01.0000000Z" />`, says: `[HKLM\SOFTWARE\Own\N]\own.exe created on or after 2012-03-01 00:00:01 UTC`,
		yes: []string{prependedFile("created = 2012-03-01T00:00:01Z")}, no: []string{prependedFile("created = 2012-02-01T00:00:01Z")}, unknown: []string{prependedFile("")}},
	{rule: `<b.FileModified Path="drivers\own.sys" Csidl="37" Comparison="LessThan" Modified="2012-12-15T19:43:17.0000000Z" />`, says: `%WinDir%\System32\drivers\own.sys modified before 2012-12-15 19:43:17 UTC`,
		yes: []string{ownFile("modified = 2012-12-15T19:43:16Z")}, no: []string{ownFile("modified = 2012-12-15T19:43:17Z")}, unknown: []string{ownFile("")}},
	{rule: `<b.FileModifiedPrependRegSz Path="own.exe" ` + dword + ` Comparison="LessThanOrEqualTo" Modified="2012-12-15" />`, says: `[HKLM\SOFTWARE\Own\N]\own.exe modified on or before 2012-12-15`,
		yes: []string{prependedFile("modified = 2012-12-15T00:00:00Z")}, no: []string{prependedFile("modified = 2013-12-15T19:43:17Z")}, unknown: []string{prependedFile("")}},
	{rule: `<b.FileSize Path="drivers\own.sys" Csidl="37" Comparison="GreaterThanOrEqualTo" Size="5000000000" />`, says: `%WinDir%\System32\drivers\own.sys size >= 5000000000 bytes`,
		yes: []string{ownFile("size = 5_000_000_000")}, no: []string{ownFile("size = 1")}, unknown: []string{ownFile("")}},
	{rule: `<b.FileSizePrependRegSz Path="own.exe" ` + dword + ` Comparison="EqualTo" Size="7" />`, says: `[HKLM\SOFTWARE\Own\N]\own.exe size = 7 bytes`,
		yes: []string{prependedFile("size = 7")}, no: []string{prependedFile("size = 8")}, unknown: []string{prependedFile("")}},

	{rule: `<b.RegKeyExists Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Own" />`, says: `HKLM\SOFTWARE\Own exists`,
		yes:     []string{ownValue("1"), "[[registry.keys]]\npath = 'software\\own\\below'"},
		no:      []string{"[[registry.keys]]\npath = 'SOFTWARE\\Own'\nabsent = true", "registry = {complete = true}", "[[registry.keys]]\npath = 'HKLM\\SOFTWARE'\ncomplete = true"},
		unknown: []string{"", "[[registry.keys]]\npath = 'HKLM\\SOFTWARE'"}},
	{rule: `<b.RegKeyExists Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Own" RegType32="true" />`, says: `HKLM\SOFTWARE\Own exists (32-bit view)`,
		yes: []string{"[[registry.keys]]\npath = 'SOFTWARE\\WOW6432Node\\Own'\n[processor]\narchitecture = 'x64'", "[[registry.keys]]\npath = 'SOFTWARE\\Own'\nview = 32",
			"[[registry.keys]]\npath = 'SOFTWARE\\Own'\n[processor]\narchitecture = 'x86'"},
		no:      []string{"[[registry.keys]]\npath = 'SOFTWARE\\Own'\n[registry]\ncomplete = true\n[processor]\narchitecture = 'x64'"},
		unknown: []string{"[[registry.keys]]\npath = 'SOFTWARE\\Own'\n", "[[registry.keys]]\npath = 'SOFTWARE\\Own'\n[registry]\ncomplete = true\n"}},
	{rule: `<b.RegValueExists Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Own" Value="N" Type="REG_DWORD" />`, says: `HKLM\SOFTWARE\Own\N exists as REG_DWORD`,
		yes: []string{ownValue("1"), ownValue("{type = 'reg_dword'}")}, no: []string{ownValue("'1'"), noValue, "[[registry.keys]]\npath = 'SOFTWARE\\Own'\ncomplete = true"}, unknown: []string{"", ownValue("true")}},
	{rule: `<b.RegValueExists Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Own" />`, says: `HKLM\SOFTWARE\Own\(default) exists`,
		yes: []string{"[[registry.keys]]\npath = 'SOFTWARE\\Own'\nvalues = {'' = 'x'}"}, no: []string{"registry = {complete = true}"}, unknown: []string{ownValue("1")}},
	{rule: `<b.RegDword ` + dword + ` Comparison="GreaterThanOrEqualTo" Data="460805" />`, says: `HKLM\SOFTWARE\Own\N >= 460805`,
		yes: []string{ownValue("460805")}, no: []string{ownValue("460804"), ownValue("'460805'"), noValue}, unknown: []string{"", ownValue("true"), ownValue("{type = 'REG_DWORD'}")}},
	{rule: `<b.RegSz ` + dword + ` Comparison="BeginsWith" Data="ENTER" />`, says: `HKLM\SOFTWARE\Own\N begins with "ENTER"`,
		yes: []string{ownValue("'Enterprise'")}, no: []string{ownValue("'Pro'"), ownValue("1"), noValue}, unknown: []string{""}},
	{rule: `<b.RegSz ` + dword + ` Comparison="Contains" Data="ter" />`, says: `HKLM\SOFTWARE\Own\N contains "ter"`, yes: []string{ownValue("'ENTERPRISE'")}, no: []string{ownValue("'Pro'")}, unknown: []string{""}},
	{rule: `<b.RegSz ` + dword + ` Comparison="EndsWith" Data="S" />`, says: `HKLM\SOFTWARE\Own\N ends with "S"`, yes: []string{ownValue("'enterprises'")}, no: []string{ownValue("'Pro'")}, unknown: []string{""}},
	{rule: `<b.RegExpandSz ` + dword + ` Comparison="EqualTo" Data="True" />`, says: `HKLM\SOFTWARE\Own\N = "True"`,
		yes: []string{ownValue("{type = 'REG_EXPAND_SZ', data = 'true'}")}, no: []string{ownValue("'True'")}, unknown: []string{""}},
	{rule: `<b.RegSzToVersion ` + dword + ` Comparison="LessThan" Data="4.0.30319.0" />`, says: `HKLM\SOFTWARE\Own\N < version 4.0.30319.0`,
		yes: []string{ownValue("'4.0'"), ownValue("'4.0.30318'")}, no: []string{ownValue("'4.0.30319'"), ownValue("4"), noValue}, unknown: []string{"", ownValue("'four'")}},
	{rule: `<b.WUv4RegKeyValue ` + dword + ` Data="1" />`, says: `HKLM\SOFTWARE\Own\N = "1" as Windows Update 4 compared`,
		yes: []string{ownValue("1"), ownValue("'1'")}, no: []string{noValue}, unknown: []string{"", ownValue("'2'")}},
	{rule: `<b.WUv4RegKeySubstring ` + dword + ` Data="b" />`, says: `HKLM\SOFTWARE\Own\N contains "b" as Windows Update 4 compared`,
		yes: []string{ownValue("'aBc'")}, no: []string{noValue}, unknown: []string{ownValue("'2'")}},
	{rule: `<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Loop" TrueIf="Any"><b.RegDword Key="HKEY_LOOP_TARGET" Subkey="Setup" Value="Cluster" Comparison="EqualTo" Data="1" /></b.RegKeyLoop>`,
		says: `for any subkey of HKLM\SOFTWARE\Loop: that key\Setup\Cluster = 1`,
		yes:  []string{loopKey("A", 0) + loopKey("B", 1)}, no: []string{loopKey("A", 0) + loopDone, "registry = {complete = true}"}, unknown: []string{"", loopKey("A", 0)}},
	{rule: `<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Loop" TrueIf="None"><b.RegDword Key="HKEY_LOOP_TARGET" Subkey="\Setup\" Value="Cluster" Comparison="EqualTo" Data="1" /></b.RegKeyLoop>`,
		says: `for no subkey of HKLM\SOFTWARE\Loop: that key\Setup\Cluster = 1`,
		yes:  []string{loopKey("A", 0) + loopDone, "registry = {complete = true}"}, no: []string{loopKey("A", 0) + loopKey("B", 1)}, unknown: []string{"", loopKey("A", 0)}},
	{rule: `<b.RegKeyLoop Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Loop" TrueIf="All"><b.RegDword Key="HKEY_LOOP_TARGET" Subkey="Setup" Value="Cluster" Comparison="EqualTo" Data="1" /></b.RegKeyLoop>`,
		says: `for every subkey of HKLM\SOFTWARE\Loop: that key\Setup\Cluster = 1`,
		yes:  []string{loopKey("A", 1) + loopKey("B", 1) + loopDone}, no: []string{loopKey("A", 0)}, unknown: []string{"", loopKey("A", 1)}},

	{rule: `<b.LicenseValueExists Value="Kernel" />`, says: "licence value Kernel exists",
		yes: []string{"licences = {values = {kernel = 0}}"}, no: []string{"licences = {complete = true}"}, unknown: []string{""}},
	{rule: `<b.LicenseDword Value="Kernel" Comparison="EqualTo" Data="1" />`, says: "licence value Kernel = 1",
		yes: []string{"licences = {values = {kernel = 1}}"}, no: []string{"licences = {values = {kernel = 2}}", "licences = {complete = true}"}, unknown: []string{""}},
	{rule: `<b.WmiQuery Namespace="ROOT/cimv2" WqlQuery="Select * from  Win32_X where A = 'b'" />`, says: `WMI finds "Select * from  Win32_X where A = 'b'"`,
		yes:     []string{"[[wmi]]\nquery = \"select * from win32_x WHERE a = 'B'\"\nfound = true"},
		no:      []string{"[[wmi]]\nnamespace = 'root\\cimv2'\nquery = \"select * from win32_x WHERE a = 'B'\"\nfound = false"},
		unknown: []string{"", "[[wmi]]\nquery = 'select 1'\nfound = true"}},
	{rule: `<b.InstalledOnce />`, says: "this update was once installed",
		yes: []string{"history = {installed = ['11111111-2222-4333-8444-555555555555']}"}, no: []string{"history = {complete = true}"}, unknown: []string{""}},
	{rule: `<b.GenericQuery Namespace="own" Type="State" Parameter="x" />`, says: `query own State("x")`,
		yes: []string{"[[queries]]\nnamespace = 'own'\ntype = 'state'\nparameter = 'X'\nholds = true"},
		no:  []string{"[[queries]]\nnamespace = 'own'\ntype = 'state'\nparameter = 'X'\nholds = false"}, unknown: []string{""}},
	{rule: `<b.GenericQuery Namespace="own" Type="State" Parameter="x" Comparison="GreaterThan" Value="1.2" />`, says: `query own State("x") > "1.2"`,
		yes:     []string{"[[queries]]\nnamespace = 'own'\ntype = 'state'\nparameter = 'x'\nvalue = '1.10'"},
		no:      []string{"[[queries]]\nnamespace = 'own'\ntype = 'state'\nparameter = 'x'\nvalue = '1.2'"},
		unknown: []string{"", "[[queries]]\nnamespace = 'own'\ntype = 'state'\nparameter = 'x'\nvalue = 'high'"}},

	{rule: `<m.MsiProductInstalled ProductCode="{A1}" VersionMin="1.0" VersionMax="2.0" ExcludeVersionMax="true" Language="1033" />`, says: "MSI product {A1} version >= 1.0 version < 2.0 language 1033 is installed",
		yes:     []string{"[[products.list]]\ncode = 'a1'\nversion = '1.0.0'\nlanguage = 1033"},
		no:      []string{"[[products.list]]\ncode = '{A1}'\nversion = '2.0'", "[[products.list]]\ncode = '{A1}'\nlanguage = 1031", "[[products.list]]\ncode = '{a1}'\nabsent = true", "products = {complete = true}"},
		unknown: []string{"", "[[products.list]]\ncode = '{A1}'\nversion = '1.5'", "[[products.list]]\ncode = '{A1}'\nlanguage = 1033"}},
	{rule: `<m.MsiProductInstalled ProductCode="{A1}" VersionMin="1.0" ExcludeVersionMin="true" VersionMax="2.0" />`, says: "MSI product {A1} version > 1.0 version <= 2.0 is installed",
		yes: []string{"[[products.list]]\ncode = 'a1'\nversion = '2.0.0'"}, no: []string{"[[products.list]]\ncode = '{A1}'\nversion = '1.0'"}, unknown: []string{""}},
	{rule: `<m.MsiPatchInstalledForProduct PatchCode="{P1}" ProductCode="{A1}" />`, says: "MSI patch {P1} of MSI product {A1} is installed",
		yes: []string{"[[products.list]]\ncode = '{A1}'\npatches = ['{p1}']"}, no: []string{"[[products.list]]\ncode = '{A1}'\ncomplete = true", "products = {complete = true}"}, unknown: []string{"", "[[products.list]]\ncode = '{A1}'"}},
	{rule: `<m.MsiFeatureInstalledForProduct AllFeaturesRequired="true"><m.Feature>F</m.Feature><m.Feature>G</m.Feature><m.Product>{A1}</m.Product></m.MsiFeatureInstalledForProduct>`,
		says: "all of MSI features F, G of MSI product {A1} is installed",
		yes:  []string{"[[products.list]]\ncode = '{A1}'\nfeatures = ['f', 'g']"}, no: []string{"[[products.list]]\ncode = '{A1}'\nfeatures = ['f']\ncomplete = true", "products = {complete = true}"}, unknown: []string{"", "[[products.list]]\ncode = '{A1}'\nfeatures = ['f']"}},
	{rule: `<m.MsiComponentInstalledForProduct AllProductsRequired="true"><m.Component>{C}</m.Component><m.Product>{A1}</m.Product><m.Product>{A2}</m.Product></m.MsiComponentInstalledForProduct>`,
		says:    "MSI component {C} of all of MSI products {A1}, {A2} is installed",
		yes:     []string{"[[products.list]]\ncode = '{A1}'\ncomponents = ['{c}']\n[[products.list]]\ncode = '{A2}'\ncomponents = ['{c}']"},
		no:      []string{"[[products.list]]\ncode = '{A1}'\ncomponents = ['{c}']\n[[products.list]]\ncode = '{A2}'\nabsent = true"},
		unknown: []string{"[[products.list]]\ncode = '{A1}'\ncomponents = ['{c}']"}},
	{rule: `<m.MsiPatchInstalled />`, meta: mspatch, says: "this update's MSI patch {P1} is installed",
		yes: []string{"[[products.list]]\ncode = '{A1}'\npatches = ['{P0}']"}, no: []string{"products = {complete = true}", "[[products.list]]\ncode = '{A1}'\ncomplete = true"}, unknown: []string{""}},
	{rule: `<m.MsiPatchInstallable />`, meta: mspatch, says: "this update's MSI patch {P1} is installable",
		yes:     []string{"[[products.list]]\ncode = '{A1}'\nversion = '1.2.3.9'\ncomplete = true"},
		no:      []string{"[[products.list]]\ncode = '{A1}'\nversion = '1.2.4'\ncomplete = true", "[[products.list]]\ncode = '{A1}'\npatches = ['{P1}']"},
		unknown: []string{"", "[[products.list]]\ncode = '{A1}'\ncomplete = true"}},
	{rule: `<m.MsiPatchSuperseded />`, meta: mspatch, says: "this update's MSI patch {P1} is superseded", no: []string{"products = {complete = true}"}, unknown: []string{"", "[[products.list]]\ncode = '{A1}'"}},
	{rule: `<m.MsiApplicationInstalled />`, meta: msapp, says: "this update's MSI product {A1} version 2.0 is installed",
		yes: []string{"[[products.list]]\ncode = '{A1}'"}, no: []string{"products = {complete = true}"}, unknown: []string{""}},
	{rule: `<m.MsiApplicationInstallable />`, meta: msapp, says: "this update's MSI product {A1} version 2.0 is installable",
		yes: []string{"products = {complete = true}"}, no: []string{"[[products.list]]\ncode = '{A1}'"}, unknown: []string{""}},
	{rule: `<m.MsiApplicationSuperseded />`, meta: msapp, says: "this update's MSI product {A1} version 2.0 is superseded", no: []string{"products = {complete = true}"}, unknown: []string{"", "[[products.list]]\ncode = '{A1}'"}},

	{rule: `<d.WindowsDriverInstalled />`, meta: drivers, says: `this update's driver PCI\VEN_1&DEV_2 version 2.0.0.1 is installed`,
		yes: []string{device + "driver_date = '2026-01-01'\ndriver_version = '2.0.0.1'"}, no: []string{device + "driver_date = '2026-01-02'\ndriver_version = '2.0.0.1'\n[devices]\ncomplete = true", "devices = {complete = true}"},
		unknown: []string{"", device}},
	{rule: `<d.WindowsDriverInstallable />`, meta: drivers, says: `this update's driver PCI\VEN_1&DEV_2 version 2.0.0.1 is installable`,
		yes: []string{device + "driver_date = '2025-01-01'", device + "driver_date = '2026-01-01'\ndriver_version = '1.9'", device + "no_driver = true"}, no: []string{"devices = {complete = true}"}, unknown: []string{"", device}},
	{rule: `<d.WindowsDriverSuperseded />`, meta: drivers, says: `this update's driver PCI\VEN_1&DEV_2 version 2.0.0.1 is superseded`,
		yes: []string{device + "driver_date = '2026-02-01'"}, no: []string{"devices = {complete = true}"}, unknown: []string{"", device}},

	{rule: `<CbsPackageInstalledByIdentity PackageIdentity="Own~31bf~amd64~~1.0" />`, says: "CBS package Own~31bf~amd64~~1.0 is installed",
		yes: []string{"packages = {installed = ['OWN~31bf~amd64~neutral~1.0']}"}, no: []string{"packages = {complete = true}"}, unknown: []string{""}},
	{rule: `<CbsPackageInstalled />`, meta: manifest, says: "this update's CBS package Package_for_RollupFix 26100.4349.1.9 amd64 is installed",
		yes:     []string{"windows = {version = '10.0.26100.4349'}\nprocessor = {architecture = 'x64'}", "packages = {installed = ['Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.4349.1.9']}"},
		no:      []string{"windows = {version = '10.0.26100.4348'}\nprocessor = {architecture = 'x64'}", "windows = {version = '10.0.22631'}", "packages = {complete = true}"},
		unknown: []string{"", "windows = {version = '10.0.26100.9000'}"}},
	{rule: `<CbsPackageInstallable />`, meta: manifest, says: "this update's CBS package Package_for_RollupFix 26100.4349.1.9 amd64 is installable",
		yes:     []string{"windows = {version = '10.0.26100.1'}\nprocessor = {architecture = 'x64'}", "packages = {applicable = ['Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.4349.1.9']}"},
		no:      []string{"windows = {version = '10.0.26100.4349'}\nprocessor = {architecture = 'x64'}", "windows = {version = '10.0.22631'}", "processor = {architecture = 'arm64'}", "packages = {refused = ['Package_for_RollupFix~31bf3856ad364e35~amd64~~26100.4349.1.9']}"},
		unknown: []string{"", "windows = {version = '10.0.26100'}\nprocessor = {architecture = 'x64'}"}},
	{rule: `<CbsPackageInstallable />`, meta: feature, says: "this update's CBS package Fod 10.0.1.0 amd64 is installable",
		yes: []string{"packages = {applicable = ['Fod~31bf~amd64~~10.0.1.0']}"}, no: []string{"packages = {installed = ['Fod~31bf~amd64~~10.0.1.0']}"}, unknown: []string{"processor = {architecture = 'x64'}"}},
	{rule: `<ProductReleaseInstalled Name="Server.OS.amd64" Version="10.0.26100.4349" />`, says: "product release Server.OS.amd64 10.0.26100.4349 is installed",
		yes:     []string{"releases = {versions = {'server.os.AMD64' = '10.0.26100.5000'}}", "windows = {version = '10.0.26100.4349', product_type = 'server'}\nprocessor = {architecture = 'x64'}"},
		no:      []string{"releases = {complete = true}", "windows = {product_type = 'workstation'}", "windows = {version = '10.0.26100.1', product_type = 'domain controller'}\nprocessor = {architecture = 'x64'}"},
		unknown: []string{"", "windows = {version = '10.0.26100.4349'}\nprocessor = {architecture = 'x64'}"}},
	{rule: `<ProductReleaseVersion Name="mde.wsl.amd64" Version="0.0.0.0" Comparison="greaterthan" />`, says: "product release mde.wsl.amd64 > version 0.0.0.0",
		yes: []string{"releases = {versions = {'mde.wsl.amd64' = '1.0'}}"}, no: []string{"releases = {complete = true}"}, unknown: []string{""}},
	{rule: `<DeviceAttribute Name="OSVersion" Type="Version" Comparison="LessThan" Value="10.0.26101.0" />`, says: "device OSVersion < 10.0.26101.0",
		yes: []string{"windows = {version = '10.0.26100.9'}", "attributes = {values = {osversion = '10.0.1.1'}}"}, no: []string{"windows = {version = '10.0.26200.1'}", "attributes = {complete = true}"}, unknown: []string{"", "attributes = {values = {OSVersion = 'new'}}"}},
	{rule: `<DeviceAttribute Name="ProductType" Type="String" Comparison="EqualTo" Value="WinNT" />`, says: `device ProductType = "WinNT"`,
		yes: []string{"windows = {product_type = 'workstation'}"}, no: []string{"windows = {product_type = 'server'}"}, unknown: []string{""}},
	{rule: `<DeviceAttribute Name="sku" Type="Integer" Comparison="GreaterThan" Value="9" />`, says: "device sku > 9",
		yes: []string{"attributes = {values = {SKU = '10'}}"}, no: []string{"attributes = {values = {SKU = '9'}}"}, unknown: []string{"", "attributes = {values = {SKU = 'many'}}"}},

	{rule: `<b.Memory MinSizeInMB="512" />`, says: `device check b.Memory MinSizeInMB="512"`, unknown: []string{""}},
	{rule: `<b.VideoMemory />`, says: "device check b.VideoMemory", unknown: []string{""}},
	{rule: `<b.NFC />`, says: "device check b.NFC", unknown: []string{""}},
	{rule: `<b.Camera Location="Front" />`, says: `device check b.Camera Location="Front"`, unknown: []string{""}},
	{rule: `<b.SensorById Id="x" />`, says: `device check b.SensorById Id="x"`, unknown: []string{""}},
}

func loopKey(name string, value int) string {
	return fmt.Sprintf("[[registry.keys]]\npath = 'HKLM\\SOFTWARE\\Loop\\%s\\Setup'\nvalues = {Cluster = %d}\n", name, value)
}

const loopDone = "[[registry.keys]]\npath = 'SOFTWARE\\Loop'\ncomplete = true\n"

// TestOperators asks every operator of computers for which it holds, does not
// hold, and is not known, and reads what is said of it.
func TestOperators(t *testing.T) {
	covered := map[Operator]map[Truth]bool{}
	for _, c := range operatorCases {
		r := rulesOf(t, c.rule, c.meta)
		if u := r.Unknown(); len(u) > 0 {
			t.Errorf("%s: not known: %q", c.rule, u)
		}
		if got := r.Installed.Text(); got != c.says {
			t.Errorf("%s says\n%s, want\n%s", c.rule, got, c.says)
		}
		for want, descriptions := range map[Truth][]string{Yes: c.yes, No: c.no, Unknown: c.unknown} {
			for _, d := range descriptions {
				result := r.Evaluate(described(t, d))
				if result.Installed != want {
					t.Errorf("%s is %s of %q, want %s (%+v)", c.rule, result.Installed, d, want, result.Why)
				}
				reason := result.Why[0]
				if reason.Section != SectionInstalled || reason.Found == "" || reason.Asks == "" {
					t.Errorf("%s of %q: the reason is incomplete: %+v", c.rule, d, reason)
				}
				if covered[r.Installed.Operator] == nil {
					covered[r.Installed.Operator] = map[Truth]bool{}
				}
				covered[r.Installed.Operator][want] = true
			}
		}
		// The opposite must read differently and evaluate to the opposite.
		not := rulesOf(t, "<Not>"+c.rule+"</Not>", c.meta)
		if got := not.Installed.Text(); got == c.says {
			t.Errorf("the opposite of %s says the same: %s", c.rule, got)
		}
	}
	never := map[Operator][]Truth{"True": {No, Unknown}, "False": {Yes, Unknown}, "MsiPatchSuperseded": {Yes}, "MsiApplicationSuperseded": {Yes},
		"Memory": {Yes, No}, "VideoMemory": {Yes, No}, "NFC": {Yes, No}, "Camera": {Yes, No}, "SensorById": {Yes, No}}
	for _, o := range Operators() {
		for _, u := range truths {
			want := true
			for _, n := range never[o] {
				want = want && n != u
			}
			if covered[o][u] != want {
				t.Errorf("%s is %s: covered %v, want %v", o, u, covered[o][u], want)
			}
		}
	}
}

// TestEveryComparison asks each comparison below, at and above.
func TestEveryComparison(t *testing.T) {
	for c, want := range map[Comparison][3]Truth{
		LessThan:             {Yes, No, No},
		LessThanOrEqualTo:    {Yes, Yes, No},
		EqualTo:              {No, Yes, No},
		GreaterThanOrEqualTo: {No, Yes, Yes},
		GreaterThan:          {No, No, Yes},
	} {
		for _, spelled := range []string{string(c), strings.ToLower(string(c))} {
			r := rulesOf(t, `<b.RegDword `+dword+` Comparison="`+spelled+`" Data="5" />`, "")
			for i, data := range []string{"4", "5", "6"} {
				if got := r.Installed.Evaluate(described(t, ownValue(data))); got != want[i] {
					t.Errorf("%s %s 5 is %s, want %s", data, spelled, got, want[i])
				}
			}
		}
	}
}

// TestSharedKeysHaveOneView holds the 32-bit view to the keys that both kinds of
// programs share.
func TestSharedKeysHaveOneView(t *testing.T) {
	c := described(t, "processor = {architecture = 'x64'}\n[[registry.keys]]\npath = 'SOFTWARE\\Policies\\Own'\n[[registry.keys]]\npath = 'SYSTEM\\Own'\n[[registry.keys]]\npath = 'SOFTWARE\\PoliciesElse'\n[registry]\ncomplete = true")
	for sub, want := range map[string]Truth{`SOFTWARE\Policies\Own`: Yes, `SYSTEM\Own`: Yes, `SOFTWARE\PoliciesElse`: No} {
		r := rulesOf(t, `<b.RegKeyExists Key="HKEY_LOCAL_MACHINE" Subkey="`+sub+`" RegType32="true" />`, "")
		if got := r.Installed.Evaluate(c); got != want {
			t.Errorf("%s is %s in the 32-bit view, want %s", sub, got, want)
		}
	}
}

// TestFolders finds files through stated folders, and folders whose place
// depends on how many bits Windows has.
func TestFolders(t *testing.T) {
	rule := func(csidl int) *Rules {
		return rulesOf(t, fmt.Sprintf(`<b.FileExists Path="a.dll" Csidl="%d" />`, csidl), "")
	}
	for _, c := range []struct {
		csidl int
		toml  string
		want  Truth
	}{
		{36, "folders = {WinDir = 'D:\\WinNT'}\n[[files.list]]\npath = 'd:\\winnt\\a.dll'", Yes},
		{37, "folders = {WinDir = 'D:\\WinNT'}\n[[files.list]]\npath = 'd:\\winnt\\system32\\a.dll'", Yes},
		{41, "processor = {architecture = 'x86'}\n[[files.list]]\npath = '%System32%\\a.dll'", Yes},
		{41, "processor = {architecture = 'x64'}\n[files]\ncomplete = true\n[[files.list]]\npath = '%System32%\\a.dll'", No},
		{41, "[files]\ncomplete = true\n[[files.list]]\npath = '%System32%\\a.dll'", Unknown},
		{42, "processor = {architecture = 'x64'}\n[[files.list]]\npath = 'C:\\Program Files (x86)\\a.dll'", Yes},
		{99, "[files]\ncomplete = true", Unknown},
		{99, "folders = {99 = 'e:\\x'}\n[[files.list]]\npath = 'e:\\x\\y\\..\\a.dll'", Yes},
	} {
		if got := rule(c.csidl).Installed.Evaluate(described(t, c.toml)); got != c.want {
			t.Errorf("folder %d of %q is %s, want %s", c.csidl, c.toml, got, c.want)
		}
	}
}
