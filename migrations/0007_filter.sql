-- Filters in SQL: the twin of server/rollout/filter_match.c and filter_value.c, which say the same
-- of every program and every device; tests/server/store/test_filter.c holds both to it.

-- Fields of digits or letters, one after the other; what follows a '+' says nothing.
CREATE FUNCTION slipway_version_fields(version text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array(SELECT m[1] FROM regexp_matches(split_part(version COLLATE "C", '+', 1),
                                                 '[0-9]+|[A-Za-z]+', 'g') WITH ORDINALITY AS f (m, n)
                  ORDER BY n)
$$;

-- A field as something that sorts: words before numbers; a longer number is a greater one.
CREATE FUNCTION slipway_version_key(field text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN field COLLATE "C" ~ '^[A-Za-z]' THEN 'a' || field
                ELSE 'n' || to_char(length(ltrim(field, '0')), 'FM0000000000') || ltrim(field, '0') END
$$;

-- -1, 0, 1. A missing field is a 0.
CREATE FUNCTION slipway_version_compare(a text, b text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    plain CONSTANT text := '^[0-9]{1,9}(\.[0-9]{1,9})*$';
    p integer[];
    q integer[];
    x text[];
    y text[];
    l text COLLATE "C";
    r text COLLATE "C";
BEGIN
    -- What versions nearly always look like, ten times faster.
    IF a ~ plain AND b ~ plain THEN
        p := string_to_array(a, '.');
        q := string_to_array(b, '.');
        IF cardinality(p) < cardinality(q) THEN
            p := p || array_fill(0, ARRAY[cardinality(q) - cardinality(p)]);
        ELSE
            q := q || array_fill(0, ARRAY[cardinality(p) - cardinality(q)]);
        END IF;
        RETURN CASE WHEN p = q THEN 0 WHEN p < q THEN -1 ELSE 1 END;
    END IF;
    x := slipway_version_fields(a);
    y := slipway_version_fields(b);
    FOR i IN 1 .. greatest(cardinality(x), cardinality(y)) LOOP
        l := slipway_version_key(coalesce(x[i], '0'));
        r := slipway_version_key(coalesce(y[i], '0'));
        IF l <> r THEN
            RETURN CASE WHEN l < r THEN -1 ELSE 1 END;
        END IF;
    END LOOP;
    RETURN 0;
END $$;

-- -1, 0, 1. Numbers where both are, else bytes.
CREATE FUNCTION slipway_filter_compare(said text, value jsonb) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    l text COLLATE "C" := said;
    r text COLLATE "C" := value ->> 1;
BEGIN
    IF value ->> 0 = 'number' AND l ~ '^-?[0-9]{1,12}(\.[0-9]{1,6})?$' THEN
        RETURN sign(l::numeric - r::numeric)::integer;
    END IF;
    RETURN CASE WHEN l = r THEN 0 WHEN l < r THEN -1 ELSE 1 END;
END $$;

CREATE FUNCTION slipway_filter_holds(sign text, compared integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE sign WHEN '=' THEN compared = 0  WHEN '!=' THEN compared <> 0
                     WHEN '<' THEN compared < 0  WHEN '<=' THEN compared <= 0
                     WHEN '>' THEN compared > 0  WHEN '>=' THEN compared >= 0 END
$$;

-- Does the program (server/rollout/filter_format.c draws it) hold for a device? `fixed` has hwid,
-- device, group, counter. What the device does not have makes its test false.
CREATE FUNCTION slipway_filter(program jsonb, attributes jsonb, tags jsonb, fixed jsonb)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    word  text := program ->> 0;
    said text COLLATE "C";
BEGIN
    IF word = 'not' THEN
        RETURN NOT slipway_filter(program -> 1, attributes, tags, fixed);
    ELSIF word IN ('and', 'or') THEN
        FOR i IN 1 .. jsonb_array_length(program) - 1 LOOP
            IF slipway_filter(program -> i, attributes, tags, fixed) = (word = 'or') THEN
                RETURN word = 'or';
            END IF;
        END LOOP;
        RETURN word = 'and';
    END IF;

    said := CASE program ->> 1 WHEN 'attribute' THEN attributes WHEN 'tag' THEN tags
                                ELSE fixed END ->> (program ->> 2);
    IF said IS NULL THEN
        RETURN false;
    ELSIF word = 'has' THEN
        RETURN true;
    ELSIF word = 'like' THEN
        RETURN said LIKE (program ->> 3);
    ELSIF word = 'version' THEN
        RETURN slipway_filter_holds(program ->> 3, slipway_version_compare(said, program ->> 4));
    ELSIF word = 'in' THEN
        FOR i IN 3 .. jsonb_array_length(program) - 1 LOOP
            IF slipway_filter_compare(said, program -> i) = 0 THEN
                RETURN true;
            END IF;
        END LOOP;
        RETURN false;
    END IF;
    RETURN slipway_filter_holds(word, slipway_filter_compare(said, program -> 3));
END $$;

-- The fixed names of a device, for slipway_filter(): those that the program asks for, because they
-- cost more than everything else.
CREATE FUNCTION slipway_filter_fixed(program jsonb, hwid text, device_id bytea, group_id bigint,
                                     tenant_id bigint, installed bytea[])
RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN strpos($1::text, '"fixed"') > 0 THEN
        jsonb_build_object('hwid', $2, 'device', encode($3, 'hex'),
            'group', CASE WHEN strpos($1::text, '"group"') > 0 THEN
                (SELECT g.name FROM device_group g WHERE g.id = $4) END,
            'counter', CASE WHEN strpos($1::text, '"counter"') > 0 THEN
                (SELECT max(i.release_counter)::text
                   FROM image i JOIN component c ON c.id = i.component_id AND c.type = 'os'
                  WHERE i.tenant_id = $5 AND i.sha256 = ANY ($6)) END) END
$$;

-- Few devices are in the penalty box at a time; plans count them.
CREATE INDEX device_penalised ON device (group_id) WHERE penalty_until IS NOT NULL;
