package offline

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"jcsnode/dataset"
)

// Studies lists the files below dir, one list for each study, those that come first first. Files that name no study
// (damaged, no DICOM) go to the largest, whose report then says what is wrong with them.
func Studies(dir string) ([][]string, error) {
	dir, err := filepath.EvalSymlinks(dir) // WalkDir does not enter a linked folder
	if err != nil {
		return nil, err
	}
	var order []string
	byStudy := map[string][]string{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		uid := ""
		if f, err := dataset.Open(path, dataset.Limits{}); err == nil {
			uid = f.Set().String(dataset.StudyInstanceUID)
			f.Close()
		}
		if _, known := byStudy[uid]; !known && uid != "" {
			order = append(order, uid)
		}
		byStudy[uid] = append(byStudy[uid], path)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	if len(byStudy) == 0 {
		return nil, fmt.Errorf("no file in %s", dir)
	}
	if len(order) == 0 {
		return [][]string{byStudy[""]}, nil
	}
	largest := slices.MaxFunc(order, func(a, b string) int { return len(byStudy[a]) - len(byStudy[b]) })
	byStudy[largest] = append(byStudy[largest], byStudy[""]...)
	var studies [][]string
	for _, uid := range order {
		studies = append(studies, byStudy[uid])
	}
	return studies, nil
}
