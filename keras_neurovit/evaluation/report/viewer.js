"use strict";
// A viewer of three planes for each figure of class "viewer"; its volume lies in the page as compressed bytes.
(() => {
  const PLANES = [
    { name: "sagittal", axis: 0, across: 1, up: 2, letters: ["P", "A"] },
    { name: "coronal", axis: 1, across: 0, up: 2, letters: ["L", "R"] },
    { name: "axial", axis: 2, across: 0, up: 1, letters: ["L", "R"] },
  ];
  const FAINTEST = 0.12; // share of the map's largest value below which nothing is drawn

  async function unpack(text) {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function slice(bytes, shape, plane, index, paint) {
    const width = shape[plane.across], height = shape[plane.up];
    const steps = [1, shape[0], shape[0] * shape[1]];
    const image = new ImageData(width, height);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const value = bytes[index * steps[plane.axis] + column * steps[plane.across] + row * steps[plane.up]];
        paint(image.data, 4 * ((height - 1 - row) * width + column), value);
      }
    }
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  const grey = (data, at, value) => {
    data[at] = data[at + 1] = data[at + 2] = value;
    data[at + 3] = 255;
  };
  const colour = (data, at, value) => {
    const share = (value - 128) / 127;
    const strength = Math.abs(share);
    if (strength < FAINTEST) return;
    const [red, green, blue] = share > 0 ? [255, 176, 0] : [86, 180, 233];
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
    data[at + 3] = Math.round(255 * Math.min(1, 0.25 + 0.75 * strength));
  };

  async function show(figure) {
    const facts = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    const volume = await unpack(facts.grey);
    const map = facts.map ? await unpack(facts.map) : null;
    const place = facts.peak ? facts.peak.slice() : [0.5, 0.5, 0.5]; // shares of the box
    const strength = figure.querySelector(".strength");
    const longest = Math.max(...facts.extent_mm);
    const pixels = 360 / longest; // of a millimetre

    const index = (plane) => Math.min(facts.shape[plane.axis] - 1, Math.floor(place[plane.axis] * facts.shape[plane.axis]));

    function draw(plane) {
      const canvas = plane.canvas, pen = canvas.getContext("2d");
      pen.imageSmoothingEnabled = true;
      pen.fillStyle = "#000";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(slice(volume, facts.shape, plane, index(plane), grey), 0, 0, canvas.width, canvas.height);
      if (map && Number(strength.value) > 0) {
        const where = Math.min(facts.map_shape[plane.axis] - 1, Math.floor(place[plane.axis] * facts.map_shape[plane.axis]));
        pen.globalAlpha = Number(strength.value) / 100;
        pen.drawImage(slice(map, facts.map_shape, plane, where, colour), 0, 0, canvas.width, canvas.height);
        pen.globalAlpha = 1;
      }
      pen.strokeStyle = "#ffffff66";
      pen.beginPath();
      pen.moveTo(place[plane.across] * canvas.width, 0);
      pen.lineTo(place[plane.across] * canvas.width, canvas.height);
      pen.moveTo(0, (1 - place[plane.up]) * canvas.height);
      pen.lineTo(canvas.width, (1 - place[plane.up]) * canvas.height);
      pen.stroke();
      pen.fillStyle = "#fff";
      pen.font = "16px sans-serif";
      pen.fillText(plane.letters[0], 6, 20);
      pen.fillText(plane.letters[1], canvas.width - 18, 20);
      const slice_number = index(plane);
      plane.slider.value = String(slice_number);
      plane.told.textContent = `${slice_number + 1} of ${facts.shape[plane.axis]}`;
      canvas.dataset.slice = String(slice_number);
    }

    const drawn = PLANES.map((plane) => ({ ...plane }));
    const drawAll = () => drawn.forEach(draw);
    const go = (plane, number) => {
      const last = facts.shape[plane.axis] - 1;
      place[plane.axis] = (Math.min(last, Math.max(0, number)) + 0.5) / (last + 1);
      drawAll();
    };

    for (const plane of drawn) {
      const box = figure.querySelector(`[data-plane='${plane.name}']`);
      plane.canvas = box.querySelector("canvas");
      plane.slider = box.querySelector("input");
      plane.told = box.querySelector("output");
      plane.canvas.width = Math.round(facts.extent_mm[plane.across] * pixels);
      plane.canvas.height = Math.round(facts.extent_mm[plane.up] * pixels);
      plane.slider.max = String(facts.shape[plane.axis] - 1);
      plane.slider.addEventListener("input", () => go(plane, Number(plane.slider.value)));
      plane.canvas.addEventListener("wheel", (event) => {
        event.preventDefault();
        go(plane, index(plane) + (event.deltaY > 0 ? -1 : 1));
      }, { passive: false });
      plane.canvas.addEventListener("keydown", (event) => {
        const step = { ArrowUp: 1, ArrowRight: 1, PageUp: 10, ArrowDown: -1, ArrowLeft: -1, PageDown: -10 }[event.key];
        if (!step) return;
        event.preventDefault();
        go(plane, index(plane) + step);
      });
      const point = (event) => {
        const edges = plane.canvas.getBoundingClientRect();
        place[plane.across] = Math.min(0.999, Math.max(0, (event.clientX - edges.left) / edges.width));
        place[plane.up] = Math.min(0.999, Math.max(0, 1 - (event.clientY - edges.top) / edges.height));
        drawAll();
      };
      plane.canvas.addEventListener("pointerdown", point);
      plane.canvas.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
    }
    const widths = drawn.map((plane) => `${plane.canvas.width}fr`).join(" "); // one scale for all planes
    if (matchMedia("(min-width: 40rem)").matches) figure.querySelector(".planes").style.gridTemplateColumns = widths;
    if (strength) strength.addEventListener("input", drawAll);
    drawAll();
    figure.dataset.ready = "yes";
  }

  for (const figure of document.querySelectorAll("figure.viewer")) {
    show(figure).catch((error) => {
      figure.dataset.ready = "failed";
      figure.append(`This browser cannot show the volume: ${error.message}`);
    });
  }
})();
