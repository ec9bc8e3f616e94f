package applicability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"fettle/model"
)

// ReadComputer reads the description of a computer, in TOML, or in JSON when it
// begins with a brace. Names that mean nothing are errors, for a misspelled one
// would leave Unknown what somebody meant to state.
func ReadComputer(text []byte) (*Computer, error) {
	c := &Computer{}
	if b := bytes.TrimSpace(text); len(b) > 0 && b[0] == '{' {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(c); err != nil {
			return nil, fmt.Errorf("reading the description of a computer: %w", err)
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, errors.New("reading the description of a computer: something follows its end")
		}
	} else {
		m, err := toml.Decode(string(text), c)
		if err != nil {
			return nil, fmt.Errorf("reading the description of a computer: %w", err)
		}
		for _, key := range m.Undecoded() {
			if !slices.Contains(key, "values") { // of registry values, which read themselves
				return nil, fmt.Errorf("reading the description of a computer: %s means nothing", model.Clean(key.String()))
			}
		}
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check says what in a description cannot be read; Evaluate takes it for not
// stated.
func (c *Computer) Check() error {
	var all []error
	wrong := func(where, value, want string) {
		all = append(all, fmt.Errorf("the description of the computer has %s = %s, and %s is wanted", where, quoted(value), want))
	}
	version := func(where, v string) {
		if _, err := ParseVersion(v); v != "" && err != nil {
			wrong(where, v, `a version such as "10.0.26100.1"`)
		}
	}
	version("windows.version", c.Windows.Version)
	version("windows.service_pack", c.Windows.ServicePack)
	if _, ok := productTypeNumber(c.Windows.ProductType); !ok && c.Windows.ProductType != "" {
		wrong("windows.product_type", c.Windows.ProductType, "workstation, domain controller or server")
	}
	if _, ok := architectureNumber(c.Processor.Architecture); !ok && c.Processor.Architecture != "" {
		wrong("processor.architecture", c.Processor.Architecture, "x86, x64, arm, arm64 or ia64")
	}
	for name := range c.Folders {
		if _, ok := folderNumber(name); !ok {
			wrong("folders", name, "one of "+strings.Join(FolderNames(), ", ")+" or a CSIDL number")
		}
	}
	for _, k := range c.Registry.Keys {
		if k.View != 0 && k.View != 32 && k.View != 64 {
			wrong("registry.keys.view of "+model.Clean(k.Path), fmt.Sprint(k.View), "32 or 64")
		}
		if k.Absent && (len(k.Values) > 0 || k.Complete) {
			wrong("registry.keys.path", k.Path, "a key that is either absent or has something")
		}
	}
	for _, f := range c.Files.Files {
		if !strings.EqualFold(f.Version, "none") {
			version("files.list.version of "+model.Clean(f.Path), f.Version)
		}
	}
	for _, p := range c.Products.Products {
		version("products.list.version of "+model.Clean(p.Code), p.Version)
	}
	for name, v := range c.Releases.Versions {
		version("releases.versions."+model.Clean(name), v)
	}
	for _, d := range c.Devices.Devices {
		version("devices.list.driver_version", d.Version)
		if _, err := parseDate(d.Date); d.Date != "" && err != nil {
			wrong("devices.list.driver_date", d.Date, "a date such as 2026-01-31")
		}
	}
	return errors.Join(all...)
}

// TextValue is a REG_SZ.
func TextValue(s string) RegistryValue { return RegistryValue{Type: "REG_SZ", Text: s, Known: true} }

// NumberValue is a REG_DWORD.
func NumberValue(n uint32) RegistryValue {
	return RegistryValue{Type: "REG_DWORD", Number: uint64(n), Known: true}
}

// AbsentValue declares that there is no value of a name.
func AbsentValue() RegistryValue { return RegistryValue{Absent: true} }

// UnmarshalTOML reads what RegistryValue says.
func (v *RegistryValue) UnmarshalTOML(data any) error { return v.from(data) }

// UnmarshalJSON reads what RegistryValue says.
func (v *RegistryValue) UnmarshalJSON(b []byte) error {
	var data any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&data); err != nil {
		return err
	}
	return v.from(data)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (v RegistryValue) MarshalJSON() ([]byte, error) {
	var data any = v.Text
	switch {
	case v.Absent:
		data = false
	case v.Type == "":
		data = true
	case !v.Known:
		data = map[string]any{"type": v.Type}
	case v.numeric() && v.Type == "REG_DWORD":
		data = v.Number
	case v.numeric():
		data = map[string]any{"type": v.Type, "data": v.Number}
	case v.Type != "REG_SZ":
		data = map[string]any{"type": v.Type, "data": v.Text}
	}
	return json.Marshal(data)
}

// numeric says whether the value's data are a number.
func (v RegistryValue) numeric() bool { return v.Type == "REG_DWORD" || v.Type == "REG_QWORD" }

func (v *RegistryValue) from(data any) error {
	switch d := data.(type) {
	case bool:
		*v = RegistryValue{Absent: !d}
		return nil
	case string:
		*v = TextValue(d)
		return nil
	case map[string]any:
		return v.fromTable(d)
	}
	n, ok := wholeNumber(data)
	if !ok || n > math.MaxUint32 {
		return fmt.Errorf("%v is no registry value: text, a number below 2^32, true, false or a table with type and data is one", data)
	}
	*v = NumberValue(uint32(n))
	return nil
}

func (v *RegistryValue) fromTable(table map[string]any) error {
	for name := range table {
		if name != "type" && name != "data" {
			return fmt.Errorf("a registry value has type and data, not %s", quoted(name))
		}
	}
	kind, _ := table["type"].(string)
	*v = RegistryValue{Type: strings.ToUpper(kind)}
	if !strings.HasPrefix(v.Type, "REG_") {
		return fmt.Errorf("%v is no type of registry values: REG_SZ, REG_DWORD and so on are", table["type"])
	}
	data, ok := table["data"]
	if !ok {
		return nil
	}
	v.Known = true
	if v.numeric() {
		if v.Number, ok = wholeNumber(data); !ok {
			return fmt.Errorf("%v is no number, as a %s wants", data, v.Type)
		}
		return nil
	}
	if v.Text, ok = data.(string); !ok {
		return fmt.Errorf("%v is no text, as a %s wants", data, v.Type)
	}
	return nil
}

// wholeNumber reads an unsigned number out of TOML or JSON.
func wholeNumber(data any) (uint64, bool) {
	switch d := data.(type) {
	case int64:
		return uint64(d), d >= 0
	case json.Number:
		n, err := parseNumber(d.String(), 64)
		return n, err == nil && !strings.HasPrefix(d.String(), "-")
	}
	return 0, false
}
