package apt

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"fettle/model"
)

// parseRecords adds the stanzas of `apt-cache show` that name a file and its
// SHA-256; the stanza of dpkg's own status does not.
func parseRecords(out string, into map[string]Record) error {
	for s, err := range Stanzas(strings.NewReader(out)) {
		if err != nil {
			return fmt.Errorf("reading the answer of apt-cache show: %w", err)
		}
		sum, err := hex.DecodeString(s["sha256"])
		if err != nil || len(sum) != 32 {
			continue
		}
		r := Record{Package: s["package"], Arch: s["architecture"], Version: s["version"], SHA256: sum}
		r.Size, _ = strconv.ParseInt(s["size"], 10, 64)
		kib, _ := strconv.ParseInt(s["installed-size"], 10, 64)
		if r.Size < 0 || kib < 0 || kib > 1<<40 {
			continue
		}
		r.InstalledSize = kib << 10
		key := model.PlanItem{Package: r.Package, Arch: r.Arch, To: r.Version}.Spec()
		if _, have := into[key]; !have {
			into[key] = r
		}
	}
	return nil
}
