-- What wrk has found, as one line of JSON at the end of its output. Times in microseconds.
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "duration": %d, "errors": %d, "p50": %f, "p99": %f, "p999": %f}\n',
        summary.requests, summary.duration,
        e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
