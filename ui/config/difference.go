package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Difference is a setting that two configurations have differently.
type Difference struct {
	Name     string // as config.toml writes it: "ui.theme"
	From, To string
}

// String says what changed.
func (d Difference) String() string {
	if d.From == "" && d.To == "" {
		return d.Name + " changed"
	}
	return fmt.Sprintf("%s is %s, was %s", d.Name, d.To, d.From)
}

// Live says whether the setting takes effect in a console that is open; others
// do at the next start.
func (d Difference) Live() bool {
	return slices.Contains([]string{"ui.theme", "ui.ascii", "ui.mouse", "ui.page", "ui.clipboard", "view"}, d.Name) || strings.HasPrefix(d.Name, "keys")
}

// Differences lists what is different in another configuration, in the order of
// the file.
func (c Config) Differences(other Config) []Difference {
	var out []Difference
	compare(reflect.ValueOf(c), reflect.ValueOf(other), "", &out)
	return out
}

func compare(a, b reflect.Value, name string, out *[]Difference) {
	if a.Kind() == reflect.Struct {
		for i := range a.NumField() {
			tag := a.Type().Field(i).Tag.Get("toml")
			if tag == "-" || tag == "" {
				continue
			}
			if name != "" {
				tag = name + "." + tag
			}
			compare(a.Field(i), b.Field(i), tag, out)
		}
		return
	}
	if reflect.DeepEqual(a.Interface(), b.Interface()) || (a.Kind() == reflect.Map || a.Kind() == reflect.Slice) && a.Len()+b.Len() == 0 {
		return
	}
	d := Difference{Name: name}
	switch a.Kind() {
	case reflect.Map, reflect.Slice: // too much for a line
	case reflect.String:
		d.From, d.To = fmt.Sprintf("%q", a), fmt.Sprintf("%q", b)
	default:
		d.From, d.To = fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface())
	}
	*out = append(*out, d)
}
