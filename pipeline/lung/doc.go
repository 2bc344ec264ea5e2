// Package lung finds the lungs in a CT volume by its Hounsfield units and
// measures lesions against them: ours, not the paper's, and by classical means
// without any network, so that a number such as "12 % of the right lung" has a
// method that can be read and repeated.
//
// The method: air inside the body (below airHU, not connected to the border of
// its slice), large connected pieces of it that are not gas only, without the
// trachea and main bronchi; a path of least air between the two lungs divides
// them; each lung is closed slice by slice so that vessels and dense lesions
// inside and at the pleura belong to it.
//
// Limits: a lobe that is wholly without air is not found (its wall is no longer
// the wall of air), which makes a share too large rather than too small; lungs
// that touch the border of the picture lose what is connected to it.
//
// Pure: values in, values out, nothing of this project imported. Slices are
// row-major, masks hold None, Right and Left.
package lung
