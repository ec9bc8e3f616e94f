package publisher

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// Row is one row of an OSDSUS catalogue: one payload file of an update, with
// what a WSUS server's API said about the update.
type Row struct {
	Catalog, OS, Build, Arch, Group    string
	UpdateID, Title, Description       string
	KB, FileKB, LegacyName             string
	Company, Family, Category          string // titles; several products stand behind one another in Category
	Classification, Severity           string
	Bulletins                          string
	Type, PublicationState, Patching   string
	FileName, URL, Links               string
	Size                               int64
	SHA1, SHA256                       []byte
	Created                            time.Time
	Licence, Acceptance                bool // has licence terms; they must be accepted
	Latest, Earlier                    bool // is the latest revision; there is an earlier one
	Beta, Superseding, Superseded      bool
	Approved, Declined, Infrastructure bool
}

// rowJSON has the columns by their names in the files.
type rowJSON struct {
	Catalog, UpdateOS, UpdateBuild, UpdateArch, UpdateGroup                      string
	CreationDate, KBNumber, FileKBNumber, Title, UpdateID, LegacyName, Type      string
	FileName, CompanyTitles, ProductFamilyTitles, Category                       string
	UpdateClassificationTitle, MsrcSeverity, SecurityBulletins, UpdateType       string
	PublicationState, AdditionalInformationUrls, Description                     string
	FileURI                                                                      string `json:"FileUri"`
	OriginURI                                                                    string `json:"OriginUri"`
	Hash, AdditionalHash                                                         string
	Size                                                                         int64
	HasLicenseAgreement, RequiresLicenseAgreementAcceptance                      bool
	IsLatestRevision, HasEarlierRevision, IsBeta, HasSupersededUpdates           bool
	IsSuperseded, IsApproved, IsDeclined, IsWsusInfrastructureUpdate, IsEditable bool
}

// maxRows bounds one file of rows: the largest real one has 0.7 MB.
const maxRows = 64 << 20

// OSDSUS reads the rows of all JSON files in a tar archive, in its order. The
// files are in UTF-8 or UTF-16.
func OSDSUS(r io.Reader) ([]Row, error) {
	var rows []Row
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the archive of rows: %w", err)
		}
		if h.Typeflag != tar.TypeReg || path.Ext(h.Name) != ".json" {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(archive, maxRows+1))
		if err == nil && len(data) > maxRows {
			err = fmt.Errorf("it is larger than %d bytes", maxRows)
		}
		if err == nil {
			rows, err = appendRows(rows, data)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the rows of %q: %w", h.Name, err)
		}
	}
}

func appendRows(rows []Row, data []byte) ([]Row, error) {
	var list []rowJSON
	if err := json.Unmarshal(utf8Of(data), &list); err != nil {
		return nil, err
	}
	for i, j := range list {
		row, err := j.row()
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// utf8Of decodes by the byte order mark; without one a NUL among the first two
// bytes, which begin a list in all these files, tells.
func utf8Of(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte{0xef, 0xbb, 0xbf}):
		return data[3:]
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order, data = binary.LittleEndian, data[2:]
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order, data = binary.BigEndian, data[2:]
	case len(data) > 1 && data[1] == 0:
		order = binary.LittleEndian
	case len(data) > 1 && data[0] == 0:
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

func (j rowJSON) row() (Row, error) {
	created, err := jsonDate(j.CreationDate)
	if err != nil {
		return Row{}, err
	}
	sha1, err := decimalBytes(j.Hash, 20)
	if err != nil {
		return Row{}, err
	}
	sha256, err := decimalBytes(j.AdditionalHash, 32)
	if err != nil {
		return Row{}, err
	}
	if j.OriginURI == "" {
		j.OriginURI = j.FileURI
	}
	return Row{
		Catalog: j.Catalog, OS: j.UpdateOS, Build: j.UpdateBuild, Arch: j.UpdateArch, Group: j.UpdateGroup,
		UpdateID: strings.ToLower(j.UpdateID), Title: j.Title, Description: j.Description, KB: j.KBNumber, FileKB: j.FileKBNumber, LegacyName: j.LegacyName,
		Company: j.CompanyTitles, Family: j.ProductFamilyTitles, Category: j.Category, Classification: j.UpdateClassificationTitle, Severity: j.MsrcSeverity,
		Bulletins: j.SecurityBulletins, Type: j.UpdateType, PublicationState: j.PublicationState, Patching: j.Type, FileName: j.FileName, URL: j.OriginURI,
		Links: j.AdditionalInformationUrls, Size: j.Size, SHA1: sha1, SHA256: sha256, Created: created, Licence: j.HasLicenseAgreement,
		Acceptance: j.RequiresLicenseAgreementAcceptance, Latest: j.IsLatestRevision, Earlier: j.HasEarlierRevision, Beta: j.IsBeta,
		Superseding: j.HasSupersededUpdates, Superseded: j.IsSuperseded, Approved: j.IsApproved, Declined: j.IsDeclined, Infrastructure: j.IsWsusInfrastructureUpdate,
	}, nil
}

// jsonDate reads "/Date(1720544400000)/": milliseconds since 1970.
func jsonDate(s string) (time.Time, error) {
	digits, ok := strings.CutPrefix(s, "/Date(")
	digits, closed := strings.CutSuffix(digits, ")/")
	ms, err := strconv.ParseInt(digits, 10, 64)
	if !ok || !closed || err != nil {
		return time.Time{}, fmt.Errorf("%q is no date", s)
	}
	return time.UnixMilli(ms).UTC(), nil
}

// decimalBytes reads a digest that is written as decimal bytes.
func decimalBytes(s string, size int) ([]byte, error) {
	var out []byte
	for word := range strings.FieldsSeq(s) {
		b, err := strconv.ParseUint(word, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("%q is no byte of a digest", word)
		}
		out = append(out, byte(b))
	}
	if len(out) != 0 && len(out) != size {
		return nil, fmt.Errorf("a digest has %d bytes, not %d", len(out), size)
	}
	return out, nil
}
