# One image, two roles: `python -m api` serves, `python -m actors` works on documents.
#
#   docker build -t tagstream .
#   docker run --env-file settings.env -p 8000:8000 tagstream
#   docker run --env-file settings.env tagstream python -m actors
#
# Python 3.11, with which the tests run.

FROM python:3.11-slim AS build

RUN python -m venv /opt/tagstream
ENV PATH=/opt/tagstream/bin:$PATH
COPY requirements-api.txt requirements-worker.txt /build/
# Compiled here: without bytecode the API starts in twice the time, and the user below may not write any.
RUN python -m pip install --no-cache-dir --disable-pip-version-check --compile --require-hashes --only-binary :all: \
      -r /build/requirements-api.txt -r /build/requirements-worker.txt

WORKDIR /srv/tagstream
COPY api api
COPY actors actors
COPY protocol protocol
RUN python -m compileall -q api actors protocol


FROM python:3.11-slim

# Reads scans; with the data of each language that TAGSTREAM_OCR_LANGUAGES names, and osd's to see which way a page lies.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends tesseract-ocr tesseract-ocr-eng tesseract-ocr-hin tesseract-ocr-osd \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tagstream
COPY --from=build /opt/tagstream /opt/tagstream
COPY --from=build /srv/tagstream /srv/tagstream
ENV PATH=/opt/tagstream/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv/tagstream
USER 10001

# Settings and secrets come from the environment at run time; none is in the image.
EXPOSE 8000
STOPSIGNAL SIGTERM
# Python's own allocator keeps what thousands of observers took when they have left; the C library's gives it back.
CMD ["env", "PYTHONMALLOC=malloc", "python", "-m", "api"]
