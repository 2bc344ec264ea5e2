package scu

import (
	"errors"
	"io/fs"
	"path/filepath"

	"jcsnode/dataset"
)

// File is a DICOM instance that can be sent.
type File struct {
	Path              string
	SOPClassUID       string
	SOPInstanceUID    string
	TransferSyntaxUID string

	dataSet int64 // offset of the data set, bytes
}

// Left is a file or folder that cannot be sent.
type Left struct {
	Path string
	Err  error // without the path
	// Missed says that it should have been sent: it was named, or it is DICOM and lacks a UID. Whatever else lies in a folder may be
	// anything.
	Missed bool
}

// errNoUID is why a DICOM file cannot be sent.
var errNoUID = errors.New("its SOP Class UID or SOP Instance UID is empty")

// mediaDirectory is the class of a DICOMDIR (PS3.4 I.4), which no association stores.
const mediaDirectory = "1.2.840.10008.1.3.10"

// Find lists the DICOM instances below the paths, and what else lies there.
func Find(paths []string) (files []File, left []Left) {
	for _, named := range paths {
		root, err := filepath.EvalSymlinks(named) // WalkDir does not enter a linked folder
		if err != nil {
			left = append(left, Left{named, withoutPath(err), true})
			continue
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // its errors are told where they come
			if err != nil {
				left = append(left, Left{path, withoutPath(err), true})
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			f, err := open(path)
			if err != nil {
				left = append(left, Left{path, withoutPath(err), path == root || errors.Is(err, errNoUID)})
				return nil
			}
			files = append(files, f)
			return nil
		})
	}
	return files, left
}

// withoutPath is an error of the file system without the path, which stands beside it.
func withoutPath(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func open(path string) (File, error) {
	f, err := dataset.Open(path, dataset.Limits{})
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	if f.Meta().String(dataset.MediaStorageSOPClassUID) == mediaDirectory {
		return File{}, errors.New("a DICOMDIR is no instance")
	}
	file := File{path, f.Set().String(dataset.SOPClassUID),
		f.Set().String(dataset.SOPInstanceUID), f.TransferSyntax().UID, f.DataSetOffset()}
	if file.SOPClassUID == "" || file.SOPInstanceUID == "" {
		return File{}, errNoUID
	}
	return file, nil
}
