package models

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"
)

// watching gives the stopwatch that times the networks with a library of OpenVINO's build.
type watching func(library string) stopwatch

// choose finds library and device and starts the networks there. It returns the library.
func (r *Runtime) choose(
	opt Options, p probe, watch watching, start func(library, device string) error, log *slog.Logger,
) (string, error) {
	device := opt.Device
	if device == "" {
		device = DeviceAuto
	}
	if !slices.Contains([]string{DeviceAuto, DeviceCUDA, DeviceOpenVINO, DeviceCPU}, device) {
		return "", fmt.Errorf("models.device: %q is none of %s, %s, %s, %s", device, DeviceAuto, DeviceCUDA, DeviceOpenVINO, DeviceCPU)
	}
	var gpu string
	var noDriver *DeviceError
	search := device
	if device == DeviceAuto || device == DeviceCUDA {
		gpu, noDriver = p.driver()
		switch {
		case noDriver == nil:
			search = DeviceCUDA
		case device == DeviceAuto && !p.vnni:
			search = DeviceCPU // OpenVINO will not be used, and its build of ONNX Runtime is older and less exact there
		}
	}
	library, err := Find(opt.Library, search)
	if err != nil {
		return "", err
	}
	switch device {
	case DeviceAuto:
		return r.automatic(opt.Library, library, gpu, noDriver, p, watch, start, log)
	case DeviceCUDA:
		if err := joinProblems(noDriver, p.cuda(library)); err != nil {
			return "", err
		}
		r.device = "cuda:0 " + gpu
		return library, start(library, DeviceCUDA)
	case DeviceOpenVINO:
		if problem := p.openVINO(library); problem != nil {
			return "", problem
		}
		r.device = DeviceOpenVINO
		return library, start(library, DeviceOpenVINO)
	default:
		r.device = DeviceCPU
		return library, start(library, DeviceCPU)
	}
}

// automatic starts the networks on a GPU if that works, else by OpenVINO if it works and is the faster one, else by ONNX Runtime's own
// kernels. It says why not on the ones before, and returns the library that it took. An engine that calculates wrongly is passed over, and
// what was measured of it is forgotten: only where none is right does it answer with an error.
func (r *Runtime) automatic(named, library, gpu string, noDriver *DeviceError,
	p probe, watch watching, start func(library, device string) error,
	log *slog.Logger) (string, error) {
	var reason string // that there is no GPU to use
	loaded := false   // a process takes one library
	if noDriver != nil {
		reason = noDriver.Text
	} else {
		problem := joinProblems(p.cuda(library))
		if problem == nil {
			r.device, loaded = "cuda:0 "+gpu+" (auto: it can be used)", true
			var unusable *DeviceError
			if err := start(library, DeviceCUDA); err == nil || !errors.As(err, &unusable) {
				return library, err
			}
			problem = unusable
		}
		log.Warn("there is a GPU, and it is not used", "gpu", gpu, "reason", problem)
		reason = fmt.Sprintf("GPU %s not used: %v", gpu, problem)
	}
	var refused *DeviceError // why OpenVINO did not start
	forget := func() error { return nil }
	if p.openVINO(library) == nil {
		timed := watch(library)
		forget = timed.forget
		wanted, why, err := compare(timed, log)
		if wanted {
			r.device, loaded = fmt.Sprintf("openvino (auto: %s; %s)", reason, why), true
			if err = start(library, DeviceOpenVINO); err == nil || !errors.As(err, &refused) {
				return library, err
			}
			err = errors.Join(err, forget())
		}
		if err != nil {
			log.Warn("OpenVINO is there, and it is not used", "reason", err, "instead", DeviceCPU)
			why = err.Error()
		}
		reason += "; OpenVINO not used: " + why
	}
	if !loaded {
		own, err := Find(named, DeviceCPU)
		if err != nil {
			return "", err
		}
		library = own
	}
	r.device = "cpu (auto: " + reason + ")"
	err := start(library, DeviceCPU)
	var wrong *DeviceError
	if errors.As(err, &wrong) {
		// The next start measures again, and takes OpenVINO if that alone is right: this process has the other library now.
		err = errors.Join(joinProblems(wrong, refused), forget())
	}
	return library, err
}

// compare says whether OpenVINO shall be taken, and what is said for or against it. An error says why that is not known.
func compare(w stopwatch, log *slog.Logger) (wanted bool, why string, err error) {
	s, at, err := w.time(time.Now())
	var wrong *DeviceError
	switch {
	case errors.As(err, &wrong) && wrong.Device == DeviceCPU:
		log.Warn("ONNX Runtime's own kernels are there, and they are not used", "reason", err, "instead", DeviceOpenVINO)
		return true, err.Error(), nil
	case err != nil:
		return false, "", err
	}
	log.Info("speed of the networks", "openvino_ms", math.Round(s.OpenVINO), "own_kernels_ms", math.Round(s.Own),
		"times_as_fast_to_be_used", openVINOGain, "measured", at.Format(time.RFC3339))
	return s.gains(), s.String(), nil
}
