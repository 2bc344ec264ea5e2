package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"jcsnode/findings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"jcsnode/config"
	"jcsnode/dataset"
	"jcsnode/models"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
)

func runCommand() *cobra.Command {
	var out, at string
	c := &cobra.Command{
		Use:   "run DIR --out DIR",
		Short: "read a folder of DICOM files offline: objects, previews and findings.json",
		Long: "run reads the study in a folder with the same pipeline as the node and writes to --out:\n" +
			"  findings.json   the decision, and for each slice its probability, lesion area and volume\n" +
			"  objects/        the DICOM objects\n" +
			"  previews/       a PNG of each\n" +
			"A folder with several studies gives one such folder for each, study-1, study-2 and so on. A study that cannot be\n" +
			"read is no error of the program: its findings.json has the state \"not processed\" and the reason.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.Flags().StringVar(&out, "out", "", "`folder` for the results")
	c.Flags().StringVar(&at, "time", "", "date and time that the objects carry, RFC 3339; the same `time` gives the same bytes (default now)")
	c.MarkFlagRequired("out")
	c.RunE = func(c *cobra.Command, args []string) error {
		load := func() (config.Config, error) { return config.Load(*path) }
		if _, err := os.Stat(*path); err != nil && !c.Flags().Changed("config") {
			load = config.WithoutFile
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		when := time.Now().Truncate(time.Second)
		if at != "" {
			if when, err = time.Parse(time.RFC3339, at); err != nil {
				return fmt.Errorf("--time: %w", err)
			}
		}
		studies, err := groupByStudy(args[0])
		if err != nil {
			return err
		}
		log := newLogger(cfg.Log)
		runtime, err := models.Open(cfg.Models.Dir, modelOptions(cfg.Models), log)
		if err != nil {
			return err
		}
		defer runtime.Close()
		o := offline{config: cfg, runtime: runtime, time: when, progress: newProgress(c.ErrOrStderr()), out: c.OutOrStdout()}
		for i, files := range studies {
			dir := out
			if len(studies) > 1 {
				dir = filepath.Join(out, fmt.Sprintf("study-%d", i+1))
			}
			if err := o.run(c.Context(), files, dir); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

// groupByStudy lists the files below dir, one list for each study, those that come first first. Files that name no study
// (damaged, no DICOM) go to the largest, whose report then says what is wrong with them.
func groupByStudy(dir string) ([][]string, error) {
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

// offline reads studies without node and ledger.
type offline struct {
	config   config.Config
	runtime  *models.Runtime
	time     time.Time
	progress *progress
	out      io.Writer
}

func (o *offline) run(ctx context.Context, files []string, dir string) error {
	manifest := o.runtime.Manifest()
	set := cascadeSettings(o.config, manifest, o.runtime.Workers())
	ahead := cascade.NewAhead(ctx, o.runtime, set)
	defer ahead.Close()
	x, err := pipeline.Load(ctx, files, ahead, o.progress.step)
	if err != nil {
		return err
	}
	if x.Refusal == nil {
		if err := x.Read(ctx, pipeline.Networks{Classifier: o.runtime, Segmenter: o.runtime}, set, o.progress.step); err != nil {
			return err
		}
	}
	if x.Omitted, err = omissionsOf(x); err != nil {
		return err
	}
	report := pipeline.FindingsOf(x, reportModels(manifest, o.runtime.Engine()), set)
	for _, sub := range []string{"objects", "previews"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "findings.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	count, err := o.writeObjects(ctx, x, dir, set.Workers)
	if err != nil {
		return err
	}
	printReport(o.out, &report)
	fmt.Fprintf(o.out, "  findings      %s\n  objects       %d in %s\n  previews      %s\n", filepath.Join(dir, "findings.json"), count,
		filepath.Join(dir, "objects"), filepath.Join(dir, "previews"))
	return nil
}

// writeObjects writes each object and its preview, named by kind and number, as many at a time as there are processors.
func (o *offline) writeObjects(ctx context.Context, x *pipeline.Examination, dir string, workers int) (int, error) {
	manifest := o.runtime.Manifest()
	m := objectMaker{config: o.config, manifest: manifest, settings: cascadeSettings(o.config, manifest, workers), engine: o.runtime.Engine()}
	id := pipeline.Identity{Revision: 1, InputDigest: x.InputDigest(), Time: o.time}
	numbers := map[string]int{}
	count := 0
	writing, ctx := errgroup.WithContext(ctx)
	writing.SetLimit(goruntime.GOMAXPROCS(0))
	err := m.build(ctx, x, id, func(made pipeline.Made, picture image.Image) error {
		numbers[made.Kind]++
		count++
		name := fmt.Sprintf("%s-%03d", made.Kind, numbers[made.Kind])
		writing.Go(func() error {
			if err := os.WriteFile(filepath.Join(dir, "objects", name+".dcm"), made.File, 0o644); err != nil {
				return err
			}
			return writePNG(filepath.Join(dir, "previews", name+".png"), picture)
		})
		return nil
	})
	if written := writing.Wait(); written != nil {
		return count, written // why the build was cancelled
	}
	if errors.Is(err, errNoSource) {
		return 0, nil
	}
	return count, err
}

func writePNG(path string, picture image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, picture); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

// printReport says in a few lines what was found.
func printReport(w io.Writer, r *findings.Findings) {
	fmt.Fprintf(w, "study %s\n", r.StudyInstanceUID)
	if r.Reason != nil {
		fmt.Fprintf(w, "  NOT PROCESSED %s\n", r.Reason.Text)
		if r.Reason.Remedy != "" {
			fmt.Fprintf(w, "  what to do    %s\n", r.Reason.Remedy)
		}
	}
	if d := r.Decision; d != nil {
		verdict := "NEGATIVE"
		if d.Positive {
			verdict = "POSITIVE"
		}
		fmt.Fprintf(w, "  %s      %s\n", verdict, strings.TrimPrefix(d.Text, strings.ToLower(verdict)+": "))
		for _, caution := range r.Cautions {
			fmt.Fprintf(w, "  caution       %s\n", caution)
		}
		fmt.Fprintf(w, "  series        %s\n", r.ChosenBecause)
	}
	if l := r.Lesions; l != nil {
		fmt.Fprintf(w, "  lesions       %d, %.1f mL, %.1f %% of the lungs", l.Count, l.VolumeML, 100*r.Lungs.LesionShare)
		if l.OffLungs > 0 {
			fmt.Fprintf(w, "; %d off the lungs (%.1f mL) left out", l.OffLungs, l.OffLungsML)
		}
		if l.Specks > 0 {
			fmt.Fprintf(w, "; %d too small to count (%.2f mL) left out", l.Specks, l.SpecksML)
		}
		fmt.Fprintln(w)
		if l.SlicesOffLungs > 0 {
			fmt.Fprintf(w, "  segmented     %d slices; %d that no lung reaches were passed over\n", l.SegmentedSlices, l.SlicesOffLungs)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  note          %s\n", n)
	}
	for _, s := range r.RefusedSeries {
		fmt.Fprintf(w, "  not read      series %s: %s\n", s.SeriesInstanceUID, s.Text)
	}
	const most = 10
	for i, s := range r.RefusedInstances {
		if i == most {
			fmt.Fprintf(w, "  left out      and %d more: see findings.json\n", len(r.RefusedInstances)-most)
			break
		}
		fmt.Fprintf(w, "  left out      %s: %s\n", filepath.Base(s.Path), s.Text)
	}
	for _, m := range r.Models {
		if m.Status != models.StatusTrained {
			fmt.Fprintf(w, "  weights       %s %s is %s\n", m.Name, m.Version, m.Status)
		}
	}
	fmt.Fprintf(w, "  %s\n", r.Notice)
}
