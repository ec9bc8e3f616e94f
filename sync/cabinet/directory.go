package cabinet

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fettle/model"
)

// Sizes and flags of the format (offline-catalogues B.2).
const (
	headerSize  = 36
	folderEntry = 8
	fileEntry   = 16 // and the name
	blockHeader = 8

	flagPrevious = 1
	flagNext     = 2
	flagReserve  = 4

	blockSize    = 32768            // unpacked, of every block but the last
	maximumBlock = blockSize + 6144 // packed, the most that other readers take

	maximumName  = 256
	nameIsUTF8   = 0x80
	archived     = 0x20
	continuation = 0xfffd // and above: the file began in or goes on into another cabinet

	signatureMark = 0x00100000 // first word of the reserve of a signed cabinet
	signatureArea = 20         // its size
)

// folder is what reading needs of a folder beyond what is shown.
type folder struct {
	Folder
	start int64   // where its first block begins
	skip  int     // bytes reserved in every block
	files []*File // by their offset
	end   int64   // the unpacked size that its files need
}

// Open reads the directory of a cabinet of size bytes, and checks it. What lies
// behind the cabinet, such as its signature, is left alone.
func Open(r io.ReaderAt, size int64, limits Limits) (*Cabinet, error) {
	limits = limits.orDefault()
	var head [headerSize]byte
	if n, err := r.ReadAt(head[:], 0); n < 4 || string(head[:4]) != "MSCF" {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading the header of a cabinet: %w", err)
		}
		return nil, ErrNotCabinet
	} else if n < headerSize {
		return nil, fmt.Errorf("reading the header of a cabinet: %w: it ends after %d bytes", ErrDamaged, n)
	}
	c := &Cabinet{
		r:    r,
		size: int64(binary.LittleEndian.Uint32(head[8:])),
		Set:  binary.LittleEndian.Uint16(head[32:]),
	}
	filesAt := int64(binary.LittleEndian.Uint32(head[16:]))
	folders := int(binary.LittleEndian.Uint16(head[26:]))
	files := int(binary.LittleEndian.Uint16(head[28:]))
	flags := binary.LittleEndian.Uint16(head[30:])

	if minor, major := head[24], head[25]; major != 1 {
		return nil, fmt.Errorf("reading the header of a cabinet: %w: it is of version %d.%d, not 1.3", ErrUnsupported, major, minor)
	}
	if flags&(flagPrevious|flagNext) != 0 {
		number := int(binary.LittleEndian.Uint16(head[34:])) + 1
		return nil, fmt.Errorf("%w: it is part %d of a set of several cabinets; unpack the whole set with a tool that joins them, such as cabextract, and import what comes out", ErrUnsupported, number)
	}
	if c.size > size {
		return nil, fmt.Errorf("%w: it should have %d bytes, but only %d are there; it was cut off, so copy it again", ErrDamaged, c.size, size)
	}
	if files == 0 || folders == 0 {
		return nil, fmt.Errorf("%w: it holds no files", ErrDamaged)
	}
	if files > limits.Files {
		return nil, fmt.Errorf("%w: it holds %d files, more than %d", ErrLimit, files, limits.Files)
	}
	if folders > limits.Folders {
		return nil, fmt.Errorf("%w: it holds %d folders, more than %d", ErrLimit, folders, limits.Folders)
	}
	if int64(folders)*folderEntry+int64(files)*(fileEntry+1) > c.size {
		return nil, fmt.Errorf("%w: %d files in %d folders do not fit in %d bytes", ErrDamaged, files, folders, c.size)
	}

	d := &directory{c: c, limits: limits, at: headerSize}
	d.in = bufio.NewReaderSize(io.NewSectionReader(r, 0, c.size), 64<<10)
	if _, err := d.in.Discard(headerSize); err != nil {
		return nil, d.failed(err)
	}
	folderReserve, blockReserve := 0, 0
	if flags&flagReserve != 0 {
		var err error
		if folderReserve, blockReserve, err = d.reserve(); err != nil {
			return nil, err
		}
	}
	if err := d.folders(folders, folderReserve, blockReserve); err != nil {
		return nil, err
	}
	if filesAt < d.at {
		return nil, fmt.Errorf("%w: its list of files begins within its list of folders", ErrDamaged)
	}
	d.in.Reset(io.NewSectionReader(r, filesAt, max(c.size-filesAt, 0)))
	if err := d.files(files); err != nil {
		return nil, err
	}
	if err := d.arrange(); err != nil {
		return nil, err
	}
	return c, nil
}

func (l Limits) orDefault() Limits {
	l.Files = cmp.Or(l.Files, DefaultLimits.Files)
	l.Folders = cmp.Or(l.Folders, DefaultLimits.Folders)
	l.Member = cmp.Or(l.Member, DefaultLimits.Member)
	l.Total = cmp.Or(l.Total, DefaultLimits.Total)
	return l
}

// directory is the reading of one directory.
type directory struct {
	c      *Cabinet
	in     *bufio.Reader
	at     int64
	limits Limits
}

func (d *directory) failed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading the directory of a cabinet: %w: the directory ends too early", ErrDamaged)
	}
	return fmt.Errorf("reading the directory of a cabinet: %w", err)
}

func (d *directory) read(p []byte) error {
	if _, err := io.ReadFull(d.in, p); err != nil {
		return d.failed(err)
	}
	d.at += int64(len(p))
	return nil
}

// reserve reads what applications keep in the header, and how much they keep in
// each folder's entry and block.
func (d *directory) reserve() (perFolder, perBlock int, err error) {
	var sizes [4]byte
	if err := d.read(sizes[:]); err != nil {
		return 0, 0, err
	}
	if n := int(binary.LittleEndian.Uint16(sizes[:])); n > 0 { // at most 64 KiB, so it may be believed
		d.c.Reserve = make([]byte, n)
		if err := d.read(d.c.Reserve); err != nil {
			return 0, 0, err
		}
	}
	if len(d.c.Reserve) == signatureArea && binary.LittleEndian.Uint32(d.c.Reserve) == signatureMark {
		d.c.signature = int64(binary.LittleEndian.Uint32(d.c.Reserve[4:]))
		d.c.signatureSize = int64(binary.LittleEndian.Uint32(d.c.Reserve[8:]))
	}
	return int(sizes[2]), int(sizes[3]), nil
}

func (d *directory) folders(n, reserve, blockReserve int) error {
	d.c.folders = make([]folder, n)
	entry := make([]byte, folderEntry+reserve)
	for i := range d.c.folders {
		if err := d.read(entry); err != nil {
			return err
		}
		f := &d.c.folders[i]
		f.start = int64(binary.LittleEndian.Uint32(entry))
		f.Blocks = int(binary.LittleEndian.Uint16(entry[4:]))
		f.skip = blockReserve
		method := binary.LittleEndian.Uint16(entry[6:])
		f.Compression = Compression(method & 15)
		switch f.Compression {
		case Stored, MSZIP:
		case LZX:
			f.Window = int(method >> 8 & 31)
			if f.Window < 15 || f.Window > 21 {
				return fmt.Errorf("reading folder %d: %w: an LZX window of 2^%d bytes does not exist", i, ErrDamaged, f.Window)
			}
		case Quantum:
			return fmt.Errorf("reading folder %d: %w: it is packed with Quantum, which only cabextract and old Windows tools unpack", i, ErrUnsupported)
		default:
			return fmt.Errorf("reading folder %d: %w: it is packed with %s, which is not known", i, ErrUnsupported, f.Compression)
		}
		if f.Blocks > 0 && f.start+blockHeader > d.c.size {
			return fmt.Errorf("reading folder %d: %w: it begins at byte %d of %d", i, ErrDamaged, f.start, d.c.size)
		}
	}
	return nil
}

func (d *directory) files(n int) error {
	var entry [fileEntry]byte
	var name []byte
	for i := range n {
		if err := d.read(entry[:]); err != nil {
			return err
		}
		name = name[:0]
		for {
			b, err := d.in.ReadByte()
			if err != nil {
				return d.failed(err)
			}
			if b == 0 {
				break
			}
			if len(name) == maximumName {
				return fmt.Errorf("reading the directory of a cabinet: %w: the name of file %d is longer than %d bytes", ErrDamaged, i+1, maximumName)
			}
			name = append(name, b)
		}
		index := int(binary.LittleEndian.Uint16(entry[8:]))
		f := &File{
			Size:       int64(binary.LittleEndian.Uint32(entry[0:])),
			Offset:     int64(binary.LittleEndian.Uint32(entry[4:])),
			Folder:     index,
			Modified:   fromDOS(binary.LittleEndian.Uint16(entry[10:]), binary.LittleEndian.Uint16(entry[12:])),
			Attributes: binary.LittleEndian.Uint16(entry[14:]),
		}
		f.Name = cleanName(decodeName(name, f.Attributes&nameIsUTF8 != 0))
		switch {
		case index >= continuation:
			return fmt.Errorf("%w: %q lies in several cabinets of a set; unpack the whole set with a tool that joins them, such as cabextract, and import what comes out", ErrUnsupported, f.Name)
		case index >= len(d.c.folders):
			return fmt.Errorf("%w: %q lies in folder %d of %d", ErrDamaged, f.Name, index+1, len(d.c.folders))
		case f.Name == "":
			return fmt.Errorf("%w: file %d has no name", ErrDamaged, i+1)
		case f.Size > d.limits.Member:
			return fmt.Errorf("%w: %q has %d bytes, more than %d", ErrLimit, f.Name, f.Size, d.limits.Member)
		case f.Offset+f.Size > int64(d.c.folders[index].Blocks)*blockSize:
			return fmt.Errorf("%w: %q reaches beyond the end of its folder", ErrDamaged, f.Name)
		}
		d.c.files = append(d.c.files, f)
		d.c.folders[index].files = append(d.c.folders[index].files, f)
	}
	return nil
}

// arrange puts the files of each folder in the order of its stream and refuses
// what would unpack the same bytes again and again.
func (d *directory) arrange() error {
	total := int64(0)
	for i := range d.c.folders {
		f := &d.c.folders[i]
		slices.SortStableFunc(f.files, func(a, b *File) int {
			return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Size, b.Size)) // an empty file comes before the one at its place
		})
		for k, file := range f.files {
			if k > 0 && file.Size > 0 && file.Offset < f.end {
				return fmt.Errorf("%w: %q overlaps the file before it", ErrDamaged, file.Name)
			}
			f.end = max(f.end, file.Offset+file.Size)
		}
		f.Files, f.Size = len(f.files), f.end
		total += f.end
	}
	if total > d.limits.Total {
		return fmt.Errorf("%w: it unpacks to %d bytes, more than %d", ErrLimit, total, d.limits.Total)
	}
	return nil
}

// decodeName reads a name as UTF-8 where it says so or can be nothing else, and
// otherwise as the Latin characters that most of the old code pages share.
func decodeName(name []byte, isUTF8 bool) string {
	if isUTF8 || utf8.Valid(name) {
		return string(name)
	}
	out := make([]rune, len(name))
	for i, b := range name {
		out[i] = rune(b)
	}
	return string(out)
}

// cleanName makes one spelling of the many that mean the same place, without
// steps upwards, drive letters' roots or control characters.
func cleanName(name string) string {
	name = model.Clean(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// fromDOS reads a date and time of MS-DOS, which knows two-second steps and no
// zone.
func fromDOS(date, clock uint16) time.Time {
	year, month, day := int(date>>9)+1980, time.Month(date>>5&15), int(date&31)
	t := time.Date(year, month, day, int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
	if t.Month() != month || t.Day() != day {
		return time.Time{} // month 0 or 31 February
	}
	return t
}

// toDOS is the reverse; what MS-DOS cannot say becomes its first or last moment.
func toDOS(t time.Time) (date, clock uint16) {
	t = t.UTC()
	switch {
	case t.Year() < 1980:
		return 1<<5 | 1, 0
	case t.Year() > 2107:
		return 127<<9 | 12<<5 | 31, 23<<11 | 59<<5 | 29
	}
	return uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day()), uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
}
