package odd

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"jcsnode/phantom"
)

const (
	secondaryCapture = "1.2.840.10008.5.1.4.1.1.7"
	mrImage          = "1.2.840.10008.5.1.4.1.1.4"
	rle              = "1.2.840.10008.1.2.5"
)

// study is the files of one folder by their names.
type study map[string]file

// maker has slices to make studies of.
type maker struct {
	patients [2][]file // slices from the head down
}

// studies are the folders that Write writes.
var studies = map[string]func(m *maker) study{
	"bad_decimals": func(m *maker) study {
		s := m.axial(3)
		s["ax1"].text(pixelSpacing, "DS", "3,046875", "3,046875")
		at := strings.Split(s["ax2"].string(position), `\`)
		s["ax2"].text(position, "DS", at[0], at[1], "NaN")
		return s
	},
	"dose_report": func(m *maker) study {
		s := m.axial(2)
		s["patient_protocol"] = page(m.one(), 2)
		return s
	},
	"duplicate_positions": func(m *maker) study {
		s := m.axial(4)
		s["ax2_again"], s["ax3_again"] = maps.Clone(s["ax2"]), maps.Clone(s["ax3"])
		s["ax2_again"].text(sopInstance, "UI", "2.25.1") // before that of ax2
		return s
	},
	"empty_pixels": func(m *maker) study {
		s := m.axial(5)
		s["ax3"].without(pixels)
		s["ax4"][pixels] = element{vr: "OW"}
		s["ax5"].encapsulate(rle)
		return s.renamed(map[string]string{"ax3": "ax3_no_pixel_data_element", "ax4": "ax4_zero_length", "ax5": "ax5_no_fragments"})
	},
	"empty_sop_uid": func(m *maker) study {
		s := m.axial(2).renamed(map[string]string{"ax1": "IM0069", "ax2": "IM0071"})
		return s.each(func(f file) { f.text(sopInstance, "UI", "") })
	},
	// Rows are turned about the patient's left-right axis while positions step along z: a sheared stack.
	"gantry_tilt_chest": func(m *maker) study {
		return m.axial(4).each(func(f file) { f.text(orientation, "DS", "1", "0", "0", "0", "0.965926", "-0.258819") })
	},
	"head_exam": func(m *maker) study {
		s := study{
			"S1000_I10_surview": m.one(), "S2010_I280": m.one(), "S3010_I280": m.one(),
			"S4010_I10": page(m.one(), 4), "S4010_I40": page(m.one(), 4),
		}
		localizer(s["S1000_I10_surview"])
		s["S2010_I280"].series(2)
		s["S3010_I280"].series(3)
		return s
	},
	"hostile_strings": func(m *maker) study {
		s := m.axial(2).each(func(f file) {
			f.text(patientID, "LO", "../../../x;rm -rf y")
			f.text(patientName, "PN", `<b>"O'Brien"%s%n</b>`)
		})
		s["ax2"].text(studyInstance, "UI", "../../../../evil/study")
		s["ax2"].text(seriesInstance, "UI", "1.2.3/../4")
		return s
	},
	"instance_numbers": func(m *maker) study {
		s := m.axial(5)
		for i, number := range []string{"3", "3", "1", "", "7"} {
			f := s[fmt.Sprintf("ax%d", []int{4, 1, 5, 3, 2}[i])]
			f.text(instanceNumber, "IS", number)
			f.without(sliceLocation)
		}
		return s
	},
	"localizer": func(m *maker) study {
		s := m.axial(3)
		s["scout"] = m.one()
		localizer(s["scout"])
		return s
	},
	"missing_rescale": func(m *maker) study {
		return m.axial(2).each(func(f file) { f.without(rescaleSlope, rescaleIntercept) })
	},
	"missing_slice": func(m *maker) study {
		s := m.axial(6)
		delete(s, "ax4")
		return s
	},
	"mr_head": func(m *maker) study {
		return m.axial(3).renamed(map[string]string{"ax1": "1-11", "ax2": "1-12", "ax3": "1-13"}).each(func(f file) {
			f.text(sopClass, "UI", mrImage)
			f.text(modality, "CS", "MR")
		})
	},
	"no_patient_id": func(m *maker) study {
		return m.axial(2).each(func(f file) { f.without(patientID, patientName) })
	},
	// Every second column is left out.
	"nonsquare_pixels": func(m *maker) study {
		return m.axial(4).each(func(f file) {
			words := f.stored()
			for i := range len(words) / 2 {
				words[i] = words[2*i]
			}
			f.setStored(words[:len(words)/2])
			f.number(columns, 64)
			f.text(pixelSpacing, "DS", "3.046875", "6.09375")
		})
	},
	"one_slice": func(m *maker) study { return m.axial(1) },
	// Pixels outside the field of view are -2048 HU, and the padding value is the number of another representation.
	"padding_signed": func(m *maker) study {
		s := m.axial(1).renamed(map[string]string{"ax1": "000002"})
		f := s["000002"]
		words := f.stored()
		for i := range words {
			hu := int(words[i]) - 1024
			if i%128 < 8 || i%128 >= 120 {
				hu = -2048
			}
			words[i] = uint16(int16(hu + 1024))
		}
		f.setStored(words)
		f.number(bitsStored, 16)
		f.number(highBit, 15)
		f.number(signed, 1)
		f.number(paddingValue, 63536)
		return s
	},
	// The same anatomy in space as that of "localizer".
	"prone": func(m *maker) study {
		return m.axial(3).each(func(f file) {
			words := f.stored()
			slices.Reverse(words)
			f.setStored(words)
			at := strings.Split(f.string(position), `\`)
			const across = 127 * 3.046875
			f.text(position, "DS", moved(at[0], across), moved(at[1], across), at[2])
			f.text(orientation, "DS", "-1", "0", "0", "0", "-1", "0")
			f.text(0x00185100, "CS", "HFP")
		})
	},
	"reformats": func(m *maker) study {
		s := study{"axial_19010410-30": m.one(), "coronal_19010410-052": m.one(), "sagittal_19010410-060": m.one()}
		s["coronal_19010410-052"].series(2)
		s["coronal_19010410-052"].text(imageType, "CS", "DERIVED", "SECONDARY", "REFORMATTED")
		s["coronal_19010410-052"].text(orientation, "DS", "1", "0", "0", "0", "0", "-1")
		s["sagittal_19010410-060"].series(3)
		s["sagittal_19010410-060"].text(imageType, "CS", "DERIVED", "SECONDARY", "REFORMATTED")
		s["sagittal_19010410-060"].text(orientation, "DS", "0", "1", "0", "0", "0", "-1")
		return s
	},
	"scout_only": func(m *maker) study {
		s := study{"scout": m.one()}
		localizer(s["scout"])
		return s
	},
	"shared_sop_uid": func(m *maker) study {
		s := study{}
		for name, f := range m.axial(5) {
			f.text(sopInstance, "UI", "2.25.300")
			s["IM000"+name[2:]] = f
		}
		return s
	},
	// The third has a header of RLE that names more than there is; Write cuts the fourth.
	"truncated": func(m *maker) study {
		s := m.axial(4)
		header := make([]byte, 64)
		header[0], header[4], header[9] = 2, 64, 16 // two segments, the second one at 4096
		s["ax3"].encapsulate(rle, header)
		return s.renamed(map[string]string{"ax3": "ax3_codestream_cut", "ax4": "ax4_file_cut"})
	},
	"two_acquisitions": func(m *maker) study {
		s := study{}
		for k, of := range m.patients {
			for i := range 3 {
				f := maps.Clone(of[i])
				f.text(position, "DS", strings.Split(m.patients[0][i].string(position), `\`)...)
				f.text(seriesInstance, "UI", m.patients[0][0].string(seriesInstance))
				f.text(frameOfReference, "UI", m.patients[0][0].string(frameOfReference))
				f.text(patientID, "LO", m.patients[0][0].string(patientID))
				f.text(acquisitionNumber, "IS", strconv.Itoa(k+1))
				s[fmt.Sprintf("acq%d_%d", k+1, i+1)] = f
			}
		}
		return s
	},
	"two_kernels": func(m *maker) study {
		s := study{}
		for k, name := range []string{"lung", "soft"} {
			for i := range 3 {
				f := maps.Clone(m.patients[0][i])
				f.series(k + 1)
				f.text(kernel, "SH", []string{"B70s", "B20s"}[k])
				s[fmt.Sprintf("%s%d", name, i+1)] = f
			}
		}
		return s
	},
	"two_patients_one_study": func(m *maker) study {
		s := study{}
		for k, of := range m.patients {
			for i := range 2 {
				f := maps.Clone(of[i])
				f.text(seriesInstance, "UI", fmt.Sprintf("2.25.98.%d", k))
				s[fmt.Sprintf("%c%d", 'a'+k, i+1)] = f
			}
		}
		return s
	},
}

// Folders lists what Write writes, sorted.
func Folders() []string { return slices.Sorted(maps.Keys(studies)) }

// Write writes the studies below dir, each into a folder of its name.
func Write(ctx context.Context, dir string) error {
	m, err := newMaker(ctx)
	if err != nil {
		return fmt.Errorf("odd studies: %w", err)
	}
	for number, folder := range Folders() {
		if err := studies[folder](m).write(filepath.Join(dir, folder), number); err != nil {
			return fmt.Errorf("odd study %s: %w", folder, err)
		}
	}
	return nil
}

// write gives the study of that number UIDs of its own, where the slices do not have odd ones.
func (s study) write(dir string, number int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i, name := range slices.Sorted(maps.Keys(s)) {
		f := s[name]
		if len(f.string(sopInstance)) > 40 { // as phantom made it
			f.text(sopInstance, "UI", fmt.Sprintf("2.25.100.%d.%d", number, i+1))
		}
		if !strings.Contains(f.string(studyInstance), "/") {
			f.text(studyInstance, "UI", fmt.Sprintf("2.25.100.%d", number))
			f.text(seriesInstance, "UI", fmt.Sprintf("%s.%d", f.string(seriesInstance), number))
		}
		content := f.bytes()
		if strings.HasSuffix(name, "file_cut") {
			content = content[:len(content)*6/10]
		}
		if err := os.WriteFile(filepath.Join(dir, name+".dcm"), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func newMaker(ctx context.Context) (*maker, error) {
	dir, err := os.MkdirTemp("", "odd")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m := &maker{}
	for k := range m.patients {
		opt := phantom.Options{Slices: 6, Spacing: 4, Lesions: true, Seed: uint64(k + 1), Rows: 128, Columns: 128}
		if err := phantom.Write(ctx, dir, opt); err != nil {
			return nil, err
		}
		for i := range opt.Slices {
			b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("IM%04d.dcm", i+1)))
			if err != nil {
				return nil, err
			}
			f, err := parse(b)
			if err != nil {
				return nil, err
			}
			m.patients[k] = append(m.patients[k], f)
		}
	}
	return m, nil
}

// axial are n slices of one patient, ax1 the most cranial one.
func (m *maker) axial(n int) study {
	s := study{}
	for i := range n {
		s[fmt.Sprintf("ax%d", i+1)] = maps.Clone(m.patients[0][i])
	}
	return s
}

// one is another slice of that patient.
func (m *maker) one() file { return maps.Clone(m.patients[0][5]) }

// series puts a slice into another series.
func (f file) series(number int) {
	f.text(seriesNumber, "IS", strconv.Itoa(number))
	f.text(seriesInstance, "UI", fmt.Sprintf("%s.%d", f.string(seriesInstance), number))
}

// localizer makes a slice a coronal overview.
func localizer(f file) {
	f.text(imageType, "CS", "ORIGINAL", "PRIMARY", "LOCALIZER")
	f.text(orientation, "DS", "1", "0", "0", "0", "0", "-1")
}

// page makes a slice a page of text in a series of its own, with the modality of the scan.
func page(f file, number int) file {
	f.series(number)
	f.text(sopClass, "UI", secondaryCapture)
	f.text(imageType, "CS", "DERIVED", "SECONDARY")
	f.without(position, orientation, frameOfReference, pixelSpacing, sliceLocation, rescaleSlope, rescaleIntercept)
	return f
}

// each changes every file.
func (s study) each(change func(f file)) study {
	for _, f := range s {
		change(f)
	}
	return s
}

// renamed gives files other names.
func (s study) renamed(names map[string]string) study {
	for from, to := range names {
		s[to] = s[from]
		delete(s, from)
	}
	return s
}

// moved is a coordinate that much further.
func moved(text string, by float64) string {
	at, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // phantom wrote it
	}
	return strconv.FormatFloat(at+by, 'f', -1, 64)
}
