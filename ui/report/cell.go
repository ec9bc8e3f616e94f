package report

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// shown is a cell as people read it; "" when there is no value.
func shown(k Kind, c Cell) string {
	switch v := c.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case int:
		return strconv.Itoa(v)
	case int64:
		if k == KindBytes {
			return bytesText(v)
		}
		return strconv.FormatInt(v, 10)
	case Share:
		p, ok := v.Percent()
		if !ok {
			return ""
		}
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	case time.Time:
		return v.Format("2006-01-02 15:04")
	case time.Duration:
		if v >= time.Minute {
			v = v.Truncate(time.Second)
		}
		return v.String()
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return fmt.Sprint(c)
}

// bytesText writes a size with three digits at least and a decimal unit.
func bytesText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	f, i := float64(n), 0
	for math.Abs(f) >= 999.5 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if i == 0 || f >= 99.95 {
		return fmt.Sprintf("%.0f %s", f, units[i])
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// plain is a cell as programs read it in CSV: numbers without units, times in
// RFC 3339, durations in seconds.
func plain(c Cell) string {
	switch v := c.(type) {
	case nil:
		return ""
	case string:
		return neutral(v)
	case []string:
		return neutral(strings.Join(v, "; "))
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case Share:
		p, ok := v.Percent()
		if !ok {
			return ""
		}
		return strconv.FormatFloat(p, 'f', -1, 64)
	case time.Time:
		return v.Format(time.RFC3339)
	case time.Duration:
		return strconv.FormatFloat(v.Seconds(), 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return neutral(fmt.Sprint(c))
}

// neutral keeps a spreadsheet from taking text for a formula: such text gets an
// apostrophe in front. A title that begins with an equals sign could otherwise
// run something on the computer of whoever opens the file.
func neutral(s string) string {
	if t := strings.TrimLeft(s, " \u00a0"); t != "" && strings.ContainsAny(t[:1], "=+-@") || strings.HasPrefix(t, "\uff1d") ||
		strings.HasPrefix(t, "\uff0b") || strings.HasPrefix(t, "\uff0d") || strings.HasPrefix(t, "\uff20") {
		return "'" + s
	}
	return s
}

// value is a cell as JSON has it.
func value(k Kind, c Cell) ([]byte, error) {
	switch v := c.(type) {
	case nil:
		if k == KindList {
			return []byte("[]"), nil
		}
	case Share:
		p, ok := v.Percent()
		if !ok {
			return []byte("null"), nil
		}
		return json.Marshal(p)
	case time.Time:
		return json.Marshal(v.Format(time.RFC3339))
	case time.Duration:
		return json.Marshal(v.Seconds())
	}
	return json.Marshal(c)
}

// Text is a cell of the column as people read it; empty when there is no value.
func (c Column) Text(cell Cell) string {
	s := shown(c.Kind, cell)
	if s == "" && cell != nil && c.Kind == KindPercent {
		return "-" // a part of nothing
	}
	return s
}
