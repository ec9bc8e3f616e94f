package applicability

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const everything = `
name = "own"
metrics = {86 = 0}
folders = {ProgramFiles = 'D:\Programs'}
windows = {version = "10.0.26100.1", service_pack = "0", product_type = "server", suites = 16}
processor = {architecture = "x64", level = 6, revision = 1, count = 2}
language = {windows = "en-us", multilingual = false, installed = ["de"], complete = true}
releases = {complete = true, versions = {a = "1.0"}}
attributes = {complete = true, values = {sku = "4"}}
licences = {complete = true, values = {k = 1}}
cluster = {member = true, complete = true, owned = ["x"]}
history = {complete = true, installed = ["id"]}
packages = {complete = true, installed = ["a~b~c~~1"], applicable = ["d"], refused = ["e"]}

[registry]
complete = true
[[registry.keys]]
path = 'HKLM\SOFTWARE\Own'
view = 32
complete = true
values = {s = "text", d = 4, e = {type = "reg_expand_sz", data = "%x%"}, q = {type = "REG_QWORD", data = 5000000000}, gone = false, there = true, typed = {type = "REG_BINARY"}}
[[registry.keys]]
path = 'HKLM\SOFTWARE\Gone'
absent = true

[files]
complete = true
[[files.list]]
path = '%System32%\a.dll'
version = "1.2.3.4"
size = 5
created = 2026-01-01T00:00:00Z
modified = 2026-01-02T00:00:00Z
language = 1033

[products]
complete = true
[[products.list]]
code = "{A}"
version = "1.0"
language = 1033
complete = true
features = ["f"]
components = ["c"]
patches = ["p"]

[devices]
complete = true
[[devices.list]]
hardware_ids = ["a"]
matched_id = "a"
driver_date = "2026-01-01"
driver_version = "1.0"

[[wmi]]
namespace = 'root\wmi'
query = "select 1"
found = true

[[queries]]
namespace = "n"
type = "t"
parameter = "p"
value = "v"
holds = "no"
`

// TestDescriptionsInBothForms reads a description in TOML, and what JSON makes
// of it.
func TestDescriptionsInBothForms(t *testing.T) {
	c := described(t, everything)
	want := map[string]RegistryValue{
		"s": TextValue("text"), "d": NumberValue(4), "gone": AbsentValue(), "there": {},
		"e":     {Type: "REG_EXPAND_SZ", Text: "%x%", Known: true},
		"q":     {Type: "REG_QWORD", Number: 5000000000, Known: true},
		"typed": {Type: "REG_BINARY"},
	}
	if got := c.Registry.Keys[0].Values; !reflect.DeepEqual(got, want) {
		t.Errorf("the values are %+v, want %+v", got, want)
	}
	if c.WMI[0].Found != Yes || c.Queries[0].Holds != No || *c.Windows.Suites != 16 || !c.Registry.Keys[1].Absent {
		t.Errorf("the description was read as %+v", c)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadComputer(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != string(again) || !reflect.DeepEqual(back.Registry, c.Registry) {
		t.Errorf("JSON changed it:\n%s\n%s", b, again)
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && v.Field(i).IsZero() {
			t.Errorf("the test's description leaves out %s", f.Name)
		}
	}
}

// TestMisspelledDescriptions refuses what would be silently not stated.
func TestMisspelledDescriptions(t *testing.T) {
	for text, want := range map[string]string{
		`widnows = {version = "10"}`:                                                   "widnows",
		`{"widnows": {}}`:                                                              "widnows",
		`{} {}`:                                                                        "end",
		`windows = {version = "ten"}`:                                                  "windows.version",
		`windows = {product_type = "laptop"}`:                                          "workstation",
		`processor = {architecture = "z80"}`:                                           "x86, x64",
		`folders = {Desktop = 'c:\'}`:                                                  "CSIDL",
		"[[registry.keys]]\npath = 'a'\nview = 16":                                     "32 or 64",
		"[[registry.keys]]\npath = 'a'\nvalues = {b = 1.5}":                            "registry value",
		"[[registry.keys]]\npath = 'a'\nvalues = {b = -1}":                             "registry value",
		"[[registry.keys]]\npath = 'a'\nvalues = {b = {kind = 'x'}}":                   "type and data",
		"[[registry.keys]]\npath = 'a'\nvalues = {b = {type = 'DWORD', data = 1}}":     "no type",
		"[[registry.keys]]\npath = 'a'\nvalues = {b = {type = 'REG_SZ', data = 1}}":    "no text",
		"[[registry.keys]]\npath = 'a'\nabsent = true\nvalues = {b = 1}":               "absent",
		"[[files.list]]\npath = 'a'\nversion = 'x'":                                    "files.list.version",
		"[[products.list]]\ncode = 'a'\nversion = 'x'":                                 "products.list.version",
		"[[devices.list]]\nhardware_ids = []\ndriver_date = 'x'":                       "driver_date",
		"[[wmi]]\nquery = 'a'\nfound = 'perhaps'":                                      "perhaps",
		"releases = {versions = {a = 'b'}}":                                            "releases.versions.a",
		"[[registry.keys]]\npath = 'a'\nvalues = {b = {type = 'REG_DWORD', data='1'}}": "no number",
	} {
		if c, err := ReadComputer([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %+v, %v; want an error about %q", text, c, err, want)
		}
	}
}
